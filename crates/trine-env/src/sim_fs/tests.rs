mod blocks;
mod errors;
mod names;
mod run;

use std::{path::Path, sync::Arc};

use super::SimFs;
use crate::{File, Fs, OpenMode};

fn path(name: &str) -> &Path {
    Path::new(name)
}

/// A new file that a crash cannot take away.
fn durable_file(fs: &SimFs, name: &str, len: usize, fill: u8) -> Arc<dyn File> {
    let file = fs.open(path(name), OpenMode::CreateNew).unwrap();
    file.write_all_at(&vec![fill; len], 0).unwrap();
    file.sync_data().unwrap();
    fs.sync_dir(path(name).parent().unwrap()).unwrap();
    file
}

/// What a file holds in `n` futures of now, power cut in each.
fn futures(fs: &SimFs, name: &str, n: u64) -> Vec<Option<Vec<u8>>> {
    (0..n).map(|seed| fs.fork(seed).crash().bytes(path(name))).collect()
}
