//! flowform: the emulator alone.

pub mod emulator;
