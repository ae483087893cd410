//! A flood of sign-ins. A test program of its own, so that no other test of the run uses the processor.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use e2e::{
    flood,
    pair::{Options, PASSWORD, Pair},
    process,
    wait::until,
};

/// Limit for auth-service during the flood, in KiB.
const MAX_MEMORY: u64 = 250 * 1024;

/// With one hash at a time, far fewer than two hundred are served within the time that a password may wait.
#[tokio::test]
async fn flood_of_sign_ins_is_served_or_rejected_without_effect_on_others() {
    let pair = Pair::start_with(Options {
        auth: vec![("AUTH_ARGON2_CONCURRENCY", "1".to_owned())],
        ..Options::default()
    })
    .await;
    pair.add_user("ada", &[]).await;
    let before = process::memory(pair.auth.id());

    let outcome = flood::run(&pair.auth_address.to_string(), "ada", PASSWORD).await;

    let memory = process::memory(pair.auth.id());
    let times = &outcome.validations;
    let median = times[times.len() / 2];
    println!(
        "served {}, rejected {}; {} validations meanwhile, median {median:?}, longest {:?}; \
         resident {} KiB before, {} KiB at most",
        outcome.served,
        outcome.refused,
        times.len(),
        times.last().unwrap(),
        before.resident,
        memory.peak,
    );
    assert!(outcome.others.is_empty(), "{:?}", outcome.others);
    assert!(outcome.refused > 0, "the surplus is rejected");
    assert!(outcome.served >= 20, "the rest is served");
    assert!(memory.peak < MAX_MEMORY, "{memory:?}");
    assert!(times.len() >= 50, "tokens are validated meanwhile");
    assert!(times.last().unwrap().as_secs() < 1, "{times:?}");

    let refusals = pair.auth.output();
    let lines = refusals.matches("too many passwords wait").count();
    assert_eq!(lines, 1, "one line for the whole flood:\n{refusals}");

    until(
        "the memory of the flood to go back to the system",
        async || {
            let resident = process::memory(pair.auth.id()).resident;
            (resident < before.resident + 10 * 1024).then_some(())
        },
    )
    .await;
}
