//! The broker over the local store, on a simulated disk.

#[path = "../cases/mod.rs"]
mod cases;
#[path = "../cases/failure.rs"]
mod failure;

/// Which store the cases run over.
const LOCAL: bool = true;
