//! Reading and writing the two control blocks.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use trine_env::{File, Fs, OpenMode};

use super::{
    control::{CONTROL_BYTES, Control},
    scan::io_error,
};
use crate::{StoreError, Where};

/// The blocks, open for writing, and the newest content.
pub(crate) struct ControlFile {
    files: [Arc<dyn File>; 2],
    pub(crate) control: Control,
}

fn path(dir: &Path, at: usize) -> PathBuf {
    dir.join(format!("CONTROL.{at}"))
}

/// The newest valid block. Both being damaged is corruption.
pub(crate) fn load(fs: &dyn Fs, dir: &Path, uuid: &[u8; 16]) -> Result<Control, StoreError> {
    load_counted(fs, dir, uuid).map(|(control, _)| control)
}

/// The newest valid block, and how many are valid.
pub(crate) fn load_counted(fs: &dyn Fs, dir: &Path, uuid: &[u8; 16]) -> Result<(Control, u8), StoreError> {
    let mut valid = 0;
    let mut newest: Option<Control> = None;
    for at in 0..2 {
        let read = || -> io::Result<Vec<u8>> {
            let file = fs.open(&path(dir, at), OpenMode::Read)?;
            let mut bytes = vec![0; CONTROL_BYTES];
            file.read_exact_at(&mut bytes, 0)?;
            Ok(bytes)
        };
        let bytes = match read() {
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => continue,
            other => other.map_err(io_error(format!("read CONTROL.{at}")))?,
        };
        let block = Control::decode(&bytes).filter(|c| c.uuid == *uuid);
        valid += u8::from(block.is_some());
        if let Some(block) = block
            && newest.as_ref().is_none_or(|n| n.seq < block.seq)
        {
            newest = Some(block);
        }
    }
    newest.map(|control| (control, valid)).ok_or_else(|| StoreError::Corrupt(neither()[0].clone()))
}

/// What to report when no block is valid: one alone may be torn by a power cut or a failed write, and nothing tells which of them is the damaged one.
pub(crate) fn neither() -> [Where; 2] {
    let place = |at: usize| Where {
        file: format!("CONTROL.{at}"),
        pos: 0,
        what: format!("neither this nor CONTROL.{} is a valid control block", 1 - at),
    };
    [place(0), place(1)]
}

impl ControlFile {
    /// Opens the blocks, creating those that are missing.
    pub(crate) fn open(fs: &dyn Fs, dir: &Path, control: Control) -> io::Result<Self> {
        let open = |at| match fs.open(&path(dir, at), OpenMode::Write) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => fs.open(&path(dir, at), OpenMode::CreateNew),
            opened => opened,
        };
        let files = [open(0)?, open(1)?];
        fs.sync_dir(dir)?;
        Ok(Self { files, control })
    }

    /// Writes the present content again in its own place: after a failed sync it may be in the page cache only.
    pub(crate) fn rewrite(&self) -> io::Result<()> {
        self.write()
    }

    /// Makes `control` the newest block.
    pub(crate) fn flip(&mut self, mut control: Control) -> io::Result<()> {
        control.seq = self.control.seq + 1;
        self.control = control;
        self.write()
    }

    fn write(&self) -> io::Result<()> {
        let file = &self.files[(self.control.seq % 2) as usize];
        file.write_all_at(&self.control.encode(), 0)?;
        file.sync_data()
    }
}
