//! Lists the files of the web app in `dist.rs`, which `src/ui.rs` includes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let variable = |name: &str| env::var(name).map_err(io::Error::other);
    let dist = Path::new(&variable("CARGO_MANIFEST_DIR")?).join("ui/dist");
    let mut list = String::from("const DIST: &[(&str, &[u8])] = &[\n");
    for path in files(&dist)? {
        let name = path.strip_prefix(&dist).map_err(io::Error::other)?;
        let (name, path) = (name.display().to_string(), path.display().to_string());
        let _ = writeln!(list, "    ({:?}, include_bytes!({path:?})),", name.replace('\\', "/"));
    }
    list.push_str("];\n");
    println!("cargo::rerun-if-changed=ui/dist");
    fs::write(Path::new(&variable("OUT_DIR")?).join("dist.rs"), list)
}

/// All files in `folder` and its subfolders, sorted.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.extend(files(&entry.path())?);
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}
