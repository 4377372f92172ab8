//! What attackers send, each answered as everybody else is. Numbers are those of a known list of attacks.

mod accounts;
mod authorisation;
mod tokens;
