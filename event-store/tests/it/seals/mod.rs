//! Sealing the log, and finding out whatever was done to it since.

mod audit;
mod crashes;
mod files;
mod proofs;
mod tampering;
mod world;
