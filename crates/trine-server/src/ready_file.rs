//! The ready file: the real addresses as JSON, there once clients can come, gone when they cannot.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

/// A written ready file; dropping it removes it, so that nobody finds the ports of a server that is gone.
#[derive(Debug)]
pub(crate) struct ReadyFile(PathBuf);

impl ReadyFile {
    /// Writes the file whole or not at all.
    pub(crate) fn write(path: &Path, listeners: &[(&str, Vec<String>)]) -> io::Result<Self> {
        let pid = std::process::id();
        let text = json!({ "listeners": addresses(listeners), "pid": pid }).to_string() + "\n";
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{pid}.tmp"));
        let temporary = path.with_file_name(name);
        fs::write(&temporary, text)?;
        fs::rename(&temporary, path).inspect_err(|_| {
            // Best effort: the first error is the one to report.
            let _ = fs::remove_file(&temporary);
        })?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for ReadyFile {
    fn drop(&mut self) {
        // Somebody else may have removed it already.
        let _ = fs::remove_file(&self.0);
    }
}

/// By kind: `HOST:PORT` or `unix:PATH` each.
fn addresses(listeners: &[(&str, Vec<String>)]) -> Map<String, Value> {
    listeners.iter().map(|(kind, addrs)| ((*kind).to_owned(), addrs.clone().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_appears_whole_and_goes_with_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ready.json");
        let listeners = [("kafka", vec!["127.0.0.1:9".to_owned(), "[::1]:9".to_owned()])];
        let written = ReadyFile::write(&path, &listeners).unwrap();
        let value: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(value["listeners"]["kafka"], json!(["127.0.0.1:9", "[::1]:9"]));
        assert_eq!(value["pid"], std::process::id());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
        drop(written);
        assert!(!path.exists());
        assert!(ReadyFile::write(&dir.path().join("absent/x"), &listeners).is_err());
    }
}
