//! Types and ports that several crates share: time, randomness, keys, client info, bounded caches. The only I/O is that of files with
//! secrets.

pub mod assurance_level;
pub mod audience;
pub mod blanks;
pub mod bounded_cache;
pub mod client_info;
pub mod client_network;
pub mod clock;
pub mod ed25519;
pub mod invalid_key;
pub mod private_file;
pub mod public_url;
pub mod random;
pub mod rate_limited_log;
pub mod replay_cache;
mod replay_set;
pub mod secret_key;
pub mod split_mix;
pub mod steady_clock;
pub mod text;
