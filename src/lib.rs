//! flowform: plan, apply and destroy Adobe Experience Platform source pipelines from a YAML manifest.

pub mod api;
pub mod secret;
pub mod wire;
