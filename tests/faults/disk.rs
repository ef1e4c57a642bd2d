//! A small disk that can be full.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const ROOM: &str = "1g";

/// A file system in memory, until it is dropped.
pub(crate) struct Disk(TempDir);

impl Disk {
    /// `None` where this process may not mount one. It belongs to whoever `neighbour` belongs to.
    pub(crate) fn mount(neighbour: &Path) -> Option<Self> {
        let disk = Self(TempDir::new().unwrap());
        let path = disk.0.path();
        let options = format!("size={ROOM},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(path).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            return None;
        }
        let owner = std::fs::metadata(neighbour).unwrap();
        std::os::unix::fs::chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
        Some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// There is no room for one more page.
    pub(crate) fn fill(&self) {
        let used = Command::new("df").args(["--output=used", "--block-size=1K"]).arg(self.path()).output().unwrap();
        let used = String::from_utf8(used.stdout).unwrap();
        let used = used.lines().nth(1).unwrap().trim().to_owned();
        self.resize(&format!("{used}k"));
    }

    pub(crate) fn make_room(&self) {
        self.resize(ROOM);
    }

    fn resize(&self, size: &str) {
        let options = format!("remount,size={size}");
        let resized = Command::new("mount").args(["-o", &options]).arg(self.path()).output().unwrap();
        assert!(resized.status.success(), "{}", String::from_utf8_lossy(&resized.stderr));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // a server that is about to stop may have files open there
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).output();
    }
}
