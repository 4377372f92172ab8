//! What clients of the gRPC API rely on, one line each: a line that is gone is a break, more lines are none.

use std::collections::BTreeSet;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
};

/// Every field, value and method of our packages: name, number, type.
pub(super) fn promises(files: &FileDescriptorSet) -> BTreeSet<String> {
    let ours = files.file.iter().filter(|file| file.package().starts_with("taskledger."));
    let mut lines = BTreeSet::new();
    for file in ours {
        let package = file.package();
        file.message_type.iter().for_each(|message| of_message(message, package, &mut lines));
        file.enum_type.iter().for_each(|words| of_enum(words, package, &mut lines));
        for service in &file.service {
            let of = |method| of_method(method, &format!("{package}.{}", service.name()));
            lines.extend(service.method.iter().map(of));
        }
    }
    lines
}

/// What was promised and is not any more.
pub(super) fn breaks(old: &str, new: &BTreeSet<String>) -> Vec<String> {
    let gone = old.lines().filter(|line| !new.contains(*line));
    gone.map(|line| format!("{line}: is gone, or is not so any more")).collect()
}

fn of_message(message: &DescriptorProto, parent: &str, lines: &mut BTreeSet<String>) {
    let name = format!("{parent}.{}", message.name());
    lines.extend(message.field.iter().map(|field| of_field(field, message, &name)));
    message.nested_type.iter().for_each(|nested| of_message(nested, &name, lines));
    message.enum_type.iter().for_each(|words| of_enum(words, &name, lines));
    lines.insert(format!("message {name}"));
}

fn of_field(field: &FieldDescriptorProto, message: &DescriptorProto, parent: &str) -> String {
    let kind = match field.r#type() {
        Type::Message | Type::Enum | Type::Group => field.type_name().trim_start_matches('.').to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    let choice = field.oneof_index.filter(|_| !field.proto3_optional());
    let choice = choice.and_then(|index| message.oneof_decl.get(usize::try_from(index).ok()?));
    let how = match (field.label(), choice) {
        (Label::Repeated, _) => "repeated ".to_owned(),
        (_, Some(choice)) => format!("oneof {} ", choice.name()),
        _ if field.proto3_optional() => "optional ".to_owned(),
        _ => String::new(),
    };
    format!("{parent}.{} = {}: {how}{kind}", field.name(), field.number())
}

fn of_enum(words: &EnumDescriptorProto, parent: &str, lines: &mut BTreeSet<String>) {
    let of = |value: &prost_types::EnumValueDescriptorProto| {
        format!("{parent}.{}.{} = {}", words.name(), value.name(), value.number())
    };
    lines.extend(words.value.iter().map(of));
}

fn of_method(method: &MethodDescriptorProto, service: &str) -> String {
    let side = |streaming: bool, kind: &str| {
        format!("{}{}", if streaming { "stream " } else { "" }, kind.trim_start_matches('.'))
    };
    let (taken, given) = (
        side(method.client_streaming(), method.input_type()),
        side(method.server_streaming(), method.output_type()),
    );
    format!("{service}/{}: {taken} returns {given}", method.name())
}
