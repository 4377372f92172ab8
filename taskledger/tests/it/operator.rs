//! Commands of the operator beside a running product.

use crate::process::{Up, directory, fails, taskledger};

fn says(arguments: &[&str], data: &std::path::Path) -> String {
    let output = taskledger().args(arguments).arg("--data-dir").arg(data).output().expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn projections_are_rebuilt_and_the_stream_is_reseeded_beside_the_running_product() {
    let data = directory();
    let up = Up::start(data.path());
    for projection in ["tasks", "task_search", "users", "audit"] {
        let words = says(&["rebuild", projection], data.path());
        assert!(words.starts_with(&format!("{projection} is now version ")), "{words}");
    }
    let words = says(&["reseed"], data.path());
    assert_eq!(words, "the stream EVENTS is new and begins with position 1\n");
    assert!(up.end("INT").success());
}

#[test]
fn without_a_running_product_or_a_url_there_is_nothing_to_do() {
    let data = directory();
    let (code, words) = fails(taskledger().args(["rebuild", "tasks"]).arg("--data-dir").arg(data.path()));
    assert_eq!(code, 69);
    assert!(words.contains("nothing runs on"), "{words}");
}

#[test]
fn an_unknown_projection_is_named() {
    let data = directory();
    let up = Up::start(data.path());
    let (code, words) = fails(taskledger().args(["rebuild", "taks"]).arg("--data-dir").arg(data.path()));
    assert_eq!((code, words.as_str()), (1, "error: there is no projection \"taks\""));
    assert!(up.end("INT").success());
}

#[test]
fn keys_are_listed_made_and_dropped() {
    let data = directory();
    let up = Up::start(data.path());
    let lines = |words: String| words.lines().map(str::to_owned).collect::<Vec<_>>();
    let first = lines(says(&["keys", "list"], data.path()));
    assert!(first.len() == 1 && first[0].contains(" signs, made "), "{first:?}");
    let both = lines(says(&["keys", "rotate"], data.path()));
    assert!(both.len() == 2 && both[1].contains(" signs from "), "{both:?}");
    let kid = |line: &str| line.split(' ').next().unwrap().to_owned();
    let left = lines(says(&["keys", "drop", &kid(&both[0])], data.path()));
    assert!(left.len() == 1 && kid(&left[0]) == kid(&both[1]), "{left:?}");
    let (code, words) = fails(taskledger().args(["keys", "drop", "x"]).arg("--data-dir").arg(data.path()));
    assert_eq!((code, words.as_str()), (1, "error: no signing key x is in use"));
    assert!(up.end("INT").success());
}
