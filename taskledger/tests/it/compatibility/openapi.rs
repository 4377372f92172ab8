//! Breaks between two OpenAPI documents.

use serde_json::{Map, Value};

use super::schema::{Comparison, Way};

/// What was taken away or narrowed.
pub(super) fn breaks(old: &Value, new: &Value) -> Vec<String> {
    operations(old)
        .flat_map(|(path, method, before)| {
            let place = format!("{} {path}", method.to_uppercase());
            match new["paths"][path].get(method) {
                Some(now) => Operation { documents: (old, new), before, now, place }.breaks(),
                None => vec![format!("{place}: is gone")],
            }
        })
        .collect()
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let operations = paths.flat_map(|(path, item)| {
        item.as_object().into_iter().flatten().map(move |(method, operation)| (path, method, operation))
    });
    operations.filter(|(_, _, operation)| operation["responses"].is_object())
}

/// The same operation before and now.
struct Operation<'a> {
    documents: (&'a Value, &'a Value),
    before: &'a Value,
    now: &'a Value,
    place: String,
}

impl Operation<'_> {
    fn breaks(&self) -> Vec<String> {
        let parts = [self.itself(), self.parameters(), self.body(), self.answers()];
        parts.into_iter().flatten().map(|what| format!("{} {what}", self.place)).collect()
    }

    fn compare(&self, way: Way, before: &Value, now: &Value, place: &str) -> Vec<String> {
        Comparison::new(self.documents.0, self.documents.1, way).schemas(before, now, place)
    }

    fn itself(&self) -> Vec<String> {
        let mut found = Vec::new();
        if self.before["operationId"] != self.now["operationId"] {
            found.push(format!("operationId: is not {} any more", self.before["operationId"]));
        }
        if self.before["security"].is_null() && !self.now["security"].is_null() {
            found.push("security: asks for a token now".to_owned());
        }
        found
    }

    fn parameters(&self) -> Vec<String> {
        let key = |parameter: &Value| format!("{} {}", text(&parameter["in"]), text(&parameter["name"]));
        let list = |operation: &Value| {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            parameters.map(|parameter| (key(parameter), parameter.clone())).collect::<Map<_, _>>()
        };
        let (before, now) = (list(self.before), list(self.now));
        let mut found = Vec::new();
        let needed =
            |list: &Map<String, Value>, name: &str| list.get(name).is_some_and(|one| one["required"] == true);
        for name in now.keys().filter(|name| needed(&now, name) && !needed(&before, name)) {
            found.push(format!("{name}: must be there now"));
        }
        for (name, before) in &before {
            match now.get(name) {
                Some(now) => found.extend(self.compare(Way::Taken, &before["schema"], &now["schema"], name)),
                None => found.push(format!("{name}: is gone")),
            }
        }
        found
    }

    fn body(&self) -> Vec<String> {
        let (before, now) = (&self.before["requestBody"], &self.now["requestBody"]);
        let mut found = self.contents(Way::Taken, before, now, "body");
        if now["required"] == true && before["required"] != true {
            found.push("body: must be there now".to_owned());
        }
        found
    }

    fn answers(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (status, before) in self.before["responses"].as_object().into_iter().flatten() {
            let now = &self.now["responses"][status];
            if now.is_null() {
                found.push(format!("{status}: is gone"));
                continue;
            }
            found.extend(self.contents(Way::Given, before, now, status));
            for (name, _) in before["headers"].as_object().into_iter().flatten() {
                if now["headers"][name].is_null() {
                    found.push(format!("{status} header {name}: is gone"));
                }
            }
        }
        found
    }

    /// Of a body or an answer, by media type.
    fn contents(&self, way: Way, before: &Value, now: &Value, place: &str) -> Vec<String> {
        let contents = before["content"].as_object().into_iter().flatten();
        contents
            .flat_map(|(media_type, before)| match now["content"].get(media_type) {
                Some(now) => self.compare(way, &before["schema"], &now["schema"], place),
                None => vec![format!("{place}: {media_type} is gone")],
            })
            .collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
