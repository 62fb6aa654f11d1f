//! flowform: the emulator alone.

pub mod api;
pub mod apply;
pub mod kind;
pub mod manifest;
pub mod observe;
pub mod plan;
pub mod render;
pub mod secret;
pub mod state;
pub mod wire;
