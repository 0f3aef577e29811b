//! A disk shared by all machines: a loop device.

use super::{MachineError, tool};
use std::path::{Path, PathBuf};

/// A loop device with an ext4 file system. It is removed when this is dropped.
///
/// All machines share one kernel, which can mount one device twice without damage: only therefore a test may try it.
#[derive(Debug)]
pub struct Disk {
    device: PathBuf,
}

impl Disk {
    /// A disk of this size, backed by a file, with a copy of `content` on it.
    pub fn new(file: &Path, mebibytes: u64, content: &Path) -> Result<Disk, MachineError> {
        let image = std::fs::File::create(file).map_err(MachineError::file("make", file))?;
        image.set_len(mebibytes << 20).map_err(MachineError::file("make", file))?;
        let words = ["mkfs.ext4", "-q", "-F", "-d"].map(AsRef::as_ref);
        tool::run(words.into_iter().chain([content.as_os_str(), file.as_os_str()]))?;
        let words = ["losetup", "--find", "--show"].map(AsRef::as_ref);
        let device = tool::run(words.into_iter().chain([file.as_os_str()]))?;
        Ok(Disk { device: PathBuf::from(device.trim()) })
    }

    /// Its device path, the same in all machines.
    pub fn device(&self) -> &Path {
        &self.device
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // A mount that a machine still has keeps the device until it is unmounted.
        let _ = tool::run(["losetup".as_ref(), "--detach".as_ref(), self.device.as_os_str()]);
    }
}

/// Detaches loop devices of files within a directory.
pub(super) fn detach_within(directory: &Path) -> Result<(), MachineError> {
    let list = tool::run(["losetup", "--list", "--noheadings", "--output", "NAME,BACK-FILE"])?;
    for (device, file) in list.lines().filter_map(|line| line.trim().split_once(char::is_whitespace)) {
        if Path::new(file.trim()).starts_with(directory) {
            tool::run(["losetup", "--detach", device])?;
        }
    }
    Ok(())
}
