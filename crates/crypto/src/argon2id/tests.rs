use futures_util::{FutureExt as _, future::join_all};

use crate::{
    argon2id::{queue::Popped, *},
    random::SystemRandom,
};

const fn cost(memory: u32) -> Cost {
    Cost {
        memory,
        iterations: 1,
        parallelism: 1,
    }
}

const TWO: NonZero<u32> = NonZero::new(2).unwrap();

fn pool(memory: u32) -> Argon2id {
    Argon2id::start(cost(memory), TWO, Arc::new(SystemRandom)).unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[tokio::test]
async fn hash_matches_its_password_only() {
    let pool = pool(64);
    let hash = pool.hash(&password("correct horse")).await.unwrap();

    assert!(hash.as_phc().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    assert!(
        pool.verify(&password("correct horse"), Some(&hash))
            .await
            .unwrap()
    );
    assert!(
        !pool
            .verify(&password("correct house"), Some(&hash))
            .await
            .unwrap()
    );
    assert_ne!(hash, pool.hash(&password("correct horse")).await.unwrap());
}

#[tokio::test]
async fn hash_with_other_parameters_matches() {
    let hash = pool(64).hash(&password("correct horse")).await.unwrap();
    assert!(
        pool(128)
            .verify(&password("correct horse"), Some(&hash))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn verify_without_a_hash_uses_a_decoy_with_current_parameters() {
    let pool = pool(96);
    assert!(
        pool.decoy
            .as_phc()
            .starts_with("$argon2id$v=19$m=96,t=1,p=1$")
    );
    assert!(!pool.verify(&password("correct horse"), None).await.unwrap());
}

/// Checks that some memory of this process may be in huge pages (`proc(5)`), which nothing else here requests.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn memory_is_in_huge_pages_where_linux_supports_them() {
    let pool = pool(64);
    pool.hash(&password("correct horse")).await.unwrap();

    let mappings = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut flags = mappings
        .lines()
        .filter_map(|line| line.strip_prefix("VmFlags:"));
    let is_requested = flags.any(|flags| flags.split(' ').any(|flag| flag == "hg"));
    let is_supported = std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists();
    assert!(is_requested || !is_supported);
}

#[tokio::test]
async fn hash_of_the_reference_implementation_matches() {
    // argon2 -id -t 2 -k 256 -p 1 -l 24 with "password" and "somesalt", from its test vectors.
    let reference =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let hash = PasswordHash::from_phc(reference.to_owned());
    assert!(
        pool(64)
            .verify(&password("password"), Some(&hash))
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn surplus_beyond_the_queue_is_rejected_and_the_rest_hashed() {
    let mut pool = Argon2id::idle(cost(8).params().unwrap(), TWO, Arc::new(SystemRandom)).unwrap();
    pool.queue = Arc::new(Queue::new(NonZero::new(1).unwrap(), Duration::from_secs(1)));
    let password = password("x");

    let mut waiting = join_all((0..3).map(|_| pool.hash(&password)));
    assert!((&mut waiting).now_or_never().is_none());
    let surplus = pool.hash(&password).await;
    let Err(HasherError::Overloaded { retry_after }) = surplus else {
        panic!("{surplus:?}");
    };
    assert_eq!(retry_after, Duration::from_secs(3));

    let queue = Arc::clone(&pool.queue);
    thread::spawn(move || work_on(&queue));
    assert!(waiting.await.iter().all(Result::is_ok));
}

#[tokio::test]
async fn abandoned_job_is_not_hashed() {
    let pool = Argon2id::idle(cost(8).params().unwrap(), TWO, Arc::new(SystemRandom)).unwrap();
    let password = password("x");

    assert!(pool.hash(&password).now_or_never().is_none());

    let Popped::Job(job) = pool.queue.pop(Duration::ZERO) else {
        panic!("no job");
    };
    assert!(job.result.is_closed());
}

#[test]
fn cost_below_the_recommendation_of_owasp_is_weak() {
    let is_weak = |memory, iterations| {
        let cost = Cost {
            memory,
            iterations,
            parallelism: 1,
        };
        cost.is_weak()
    };
    for (memory, iterations) in [
        (47_104, 1),
        (19_456, 2),
        (12_288, 3),
        (9_216, 4),
        (7_168, 5),
    ] {
        assert!(
            !is_weak(memory, iterations),
            "{memory} KiB, {iterations} times"
        );
    }
    for (memory, iterations) in [(19, 2), (19_456, 1), (7_167, 5000), (0, 0)] {
        assert!(
            is_weak(memory, iterations),
            "{memory} KiB, {iterations} times"
        );
    }
}
