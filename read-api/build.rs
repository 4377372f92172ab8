//! Puts the schemas of events, which are files, into one list that can be served.

use std::{env, error::Error, fmt::Write, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../docs/schemas").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut names = Vec::new();
    for file in fs::read_dir(&folder)? {
        let name = file?.file_name().into_string().map_err(|name| format!("{name:?} is no name"))?;
        names.extend(name.strip_suffix(".json").map(str::to_owned));
    }
    names.sort_unstable();
    let mut list = "&[".to_owned();
    for name in names {
        let file = folder.join(format!("{name}.json"));
        write!(list, "({name:?}, include_str!({file:?})),")?;
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("schemas.rs"), list + "]")?;
    Ok(())
}
