//! Prints what checking a known access token costs a request, in microseconds, while nothing is revoked and while many
//! sessions and users are: `cargo run --release -p service --example verify_speed`.

#![expect(clippy::print_stdout, reason = "a table of figures is what it is for")]

use std::{hint::black_box, time::Instant};

use service::auth::{
    Revoked, TokenError,
    testing::{Minter, nothing_revoked},
};
use uuid::Uuid;

const ROUNDS: u32 = 200_000;

#[tokio::main]
async fn main() -> Result<(), TokenError> {
    println!("revoked check-us verify-us");
    for revoked in [0, 1_000, 100_000] {
        let (minter, revocations) = (Minter::default(), nothing_revoked());
        revocations.announce((0..revoked / 2).map(|_| Revoked::Session(Uuid::now_v7())));
        revocations.announce((0..revoked / 2).map(|epoch| Revoked::User(Uuid::now_v7(), epoch)));
        let verifier = minter.verifier_with(revocations.clone());
        let token = minter.token(Uuid::now_v7(), &["member"]);
        let principal = verifier.verify(&token).await?;
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            revocations.check(black_box(&principal))?;
        }
        let check = micros(begun);
        let begun = Instant::now();
        for _ in 0..ROUNDS {
            verifier.verify(black_box(&token)).await?;
        }
        println!("{revoked:>7} {check:>8.3} {:>9.3}", micros(begun));
    }
    Ok(())
}

/// Of one round.
fn micros(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}
