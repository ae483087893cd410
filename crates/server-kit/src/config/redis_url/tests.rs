use secrecy::ExposeSecret as _;

use super::*;

fn parse(text: &str) -> RedisUrl {
    RedisUrl::parse("REDIS", text).unwrap_or_else(|why| panic!("{text}: {why}"))
}

fn error(text: &str) -> String {
    RedisUrl::parse("REDIS", text).expect_err(text)
}

fn node(host: &str, port: u16) -> RedisNode {
    RedisNode {
        host: host.to_owned(),
        port,
    }
}

#[test]
fn url_names_one_server() {
    for (text, host, port, database) in [
        ("redis://redis:6380", "redis", 6380, 0),
        ("valkey://redis", "redis", 6379, 0),
        ("redis://127.0.0.1/", "127.0.0.1", 6379, 0),
        ("redis://:hush@127.0.0.1/15", "127.0.0.1", 6379, 15),
        ("redis://[::1]:7000/1", "::1", 7000, 1),
    ] {
        let url = parse(text);
        assert_eq!(url.topology, RedisTopology::Server(node(host, port)));
        assert_eq!((url.database, url.tls.is_some()), (database, false));
    }
}

#[test]
fn url_names_a_socket() {
    for text in ["redis+unix:///run/redis.sock", "unix:///run/redis.sock"] {
        let socket = RedisTopology::Socket("/run/redis.sock".into());
        assert_eq!(parse(text).topology, socket);
    }
}

#[test]
fn url_names_sentinels_and_their_master() {
    let url = parse(
        "redis+sentinel://app:hush@one,two:5000,[::1]/sessions/2?sentinel_user=s&sentinel_password=t%26",
    );
    let sentinels = vec![node("one", 26_379), node("two", 5000), node("::1", 26_379)];
    let master = "sessions".to_owned();
    assert_eq!(url.topology, RedisTopology::Sentinel { sentinels, master });
    assert_eq!(url.database, 2);
    let credentials = url.credentials;
    assert_eq!(credentials.user.as_deref(), Some("app"));
    assert_eq!(credentials.sentinel_user.as_deref(), Some("s"));
    let passwords = [credentials.password, credentials.sentinel_password];
    let passwords = passwords.map(|password| password.unwrap().expose_secret().to_owned());
    assert_eq!(passwords, ["hush", "t&"]);
}

#[test]
fn url_names_nodes_of_a_cluster() {
    let url = parse("rediss+cluster://one,two:7001");
    let nodes = vec![node("one", 6379), node("two", 7001)];
    assert_eq!(url.topology, RedisTopology::Cluster(nodes));
    assert!(url.tls.is_some());
}

#[test]
fn scheme_with_tls_takes_files() {
    let url = parse("rediss://r?sslrootcert=/ca.pem&sslcert=/c.pem&sslkey=/k.pem");
    let files = url.tls.unwrap();
    assert_eq!(files.authorities.unwrap().path.to_str(), Some("/ca.pem"));
    assert_eq!(files.identity.unwrap().key.path.to_str(), Some("/k.pem"));
    assert!(parse("rediss://r").tls.unwrap().authorities.is_none());
}

#[test]
fn password_with_reserved_characters_is_decoded() {
    let url = parse("redis://:a%40b%2Fc:d@redis");
    assert_eq!(url.credentials.user, None);
    let password = url.credentials.password.unwrap();
    assert_eq!(password.expose_secret(), "a@b/c:d");
}

#[test]
fn url_of_another_form_is_rejected_without_its_password() {
    for text in [
        "",
        "redis",
        "redis:6379",
        "redis://",
        "redis://:hush@",
        "http://:hush@redis",
        "redis+tls://:hush@redis",
        "redis://:hush@one,two",
        "redis+sentinel://:hush@one,/master",
        "redis+sentinel://:hush@one",
        "redis+cluster://",
        "redis://redis:many",
        "unix://",
        "redis+unix://host/run/redis.sock",
    ] {
        let error = error(text);
        assert!(error.contains(FORM), "{text}: {error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn part_that_cannot_be_used_is_named() {
    for (text, part) in [
        ("redis://redis/many", "database must be a number"),
        ("redis://redis/256", "database must be a number"),
        ("redis+cluster://redis/1", "Cluster has no databases"),
        ("redis://redis?hush=hush", "a parameter that is not one of"),
        ("redis://redis?sslcert=/c.pem", "need rediss://"),
        ("rediss://redis?sslcert=/c.pem", "both sslcert and sslkey"),
        ("rediss://redis?sslcert=", "sslcert is empty"),
        ("redis://redis?sentinel_user=a", "need redis+sentinel://"),
        ("redis://ada@redis", "a user without a password"),
        ("redis://:%ff@redis", "not UTF-8"),
    ] {
        let error = error(text);
        assert!(error.contains(part), "{text}: {error}");
        assert!(!error.contains("hush"), "{error}");
    }
}

#[test]
fn debug_output_has_no_password() {
    let text = format!("{:?}", parse("redis://:hush@redis"));
    assert!(
        text.starts_with("RedisUrl") && !text.contains("hush"),
        "{text}"
    );
}
