use super::*;

fn response(cache_control: &[&str]) -> Response<Bytes> {
    let builder = cache_control
        .iter()
        .fold(Response::builder(), |builder, value| {
            builder.header(header::CACHE_CONTROL, *value)
        });
    builder.body(Bytes::new()).unwrap()
}

#[test]
fn document_is_fresh_for_what_the_response_says_within_limits() {
    let (least, greatest, default) = FRESH;
    for (cache_control, expected) in [
        (&[][..], default),
        (&["public"], default),
        (&["public, max-age=3600"], Duration::from_hours(1)),
        (&["public", "max-age=3600"], Duration::from_hours(1)),
        (&["max-age=0"], least),
        (&["max-age=99999999999"], greatest),
        (&["max-age=many"], default),
        (&["no-store"], least),
        (&["max-age=3600, no-cache"], least),
    ] {
        let fresh = freshness(&response(cache_control));
        assert_eq!(fresh, expected, "{cache_control:?}");
    }
}

#[test]
fn budget_is_of_each_host_and_of_all_and_of_a_minute() {
    let (of_host, of_all) = BUDGET;
    let (mut budget, now) = (Budget::default(), OffsetDateTime::UNIX_EPOCH);
    for _ in 0..of_host {
        assert!(budget.take("a.example", now));
    }
    assert!(!budget.take("a.example", now));
    for other in of_host..of_all {
        assert!(budget.take(&other.to_string(), now));
    }
    assert!(!budget.take("b.example", now));
    assert!(!budget.take("a.example", now + Duration::from_secs(59)));
    assert!(budget.take("a.example", now + BUDGET_PERIOD));
}

#[test]
fn document_is_json_by_its_content_type() {
    for (content_type, expected) in [
        ("application/json", true),
        ("Application/JSON; charset=utf-8", true),
        ("application/client+json", true),
        ("text/html", false),
        ("text/json", false),
        ("application/jsonp", false),
    ] {
        let builder = Response::builder().header(header::CONTENT_TYPE, content_type);
        let response = builder.body(Bytes::new()).unwrap();
        assert_eq!(is_json(&response), expected, "{content_type}");
    }
    assert!(!is_json(&response(&[])));
}
