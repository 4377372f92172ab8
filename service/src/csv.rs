//! Tables for spreadsheets.

/// A row as RFC 4180 has it.
pub fn row(buffer: &mut Vec<u8>, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    let cells: Vec<String> = cells.into_iter().map(|text| cell(text.as_ref())).collect();
    buffer.extend_from_slice(cells.join(",").as_bytes());
    buffer.extend_from_slice(b"\r\n");
}

/// Spreadsheets take what begins like this for a formula and compute it: behind an apostrophe it is a text.
fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    let apostrophe = if formula { "'" } else { "" };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{apostrophe}{}\"", text.replace('"', "\"\""))
    } else {
        format!("{apostrophe}{text}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_read_back_and_never_computed() {
        for (text, expected) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\r\nlines", "\"two\r\nlines\""),
            ("=1+1", "'=1+1"),
            ("+82", "'+82"),
            ("-1", "'-1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("\t=1", "'\t=1"),
            ("\r=1", "\"'\r=1\""),
            ("{\"title\":\"=1\"}", "\"{\"\"title\"\":\"\"=1\"\"}\""),
        ] {
            assert_eq!(cell(text), expected);
        }
        let mut rows = Vec::new();
        row(&mut rows, ["a", "b,c"]);
        assert_eq!(rows, b"a,\"b,c\"\r\n");
    }
}
