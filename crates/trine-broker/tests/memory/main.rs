//! The broker over the memory store.

#[path = "../cases/mod.rs"]
mod cases;

/// Which store the cases run over.
const LOCAL: bool = false;
