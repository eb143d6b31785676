//! Debian's packages, which are installed where they are missing.

use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Sees that a program is there; installs Debian's packages where it is not.
pub fn require(program: &str, packages: &[&str]) {
    // Some know no such flag; they say so, and are there.
    let there = || Command::new(program).arg("--version").output().is_ok();
    assert!(installed(packages, there), "{program} is missing: install {}", packages.join(" "));
}

/// Installs Debian's packages where something is not there; whether it is there now.
pub fn installed(packages: &[&str], there: impl Fn() -> bool) -> bool {
    // Of two that install at once, one would find the package manager locked.
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    if there() {
        return true;
    }
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
        apt
    };
    let _ = apt().arg("update").output();
    let _ = apt().args(["install", "-y"]).args(packages).output();
    there()
}
