//! The seams to the outside: clocks, randomness and the file system, real and simulated.
