//! The only code that talks to the platform.
