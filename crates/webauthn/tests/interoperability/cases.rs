//! Responses with one change each.

use serde_json::json;

use crate::authenticator::{AT, Asserted, BE, BS, Created, ED, UP, UV, attested, encode, text};

/// A response with one change. Where the verdicts differ, the others accept what this crate refuses: docs/SECURITY.md says why.
pub(crate) struct Case<T> {
    /// What was changed.
    pub(crate) name: &'static str,
    /// The change.
    pub(crate) change: fn(&mut T),
    /// Whether this crate accepts it.
    pub(crate) is_accepted: bool,
    /// Verifiers with the other verdict.
    pub(crate) differs: &'static [&'static str],
}

const FIDO2: &[&str] = &["fido2"];
const NODE: &[&str] = &["@simplewebauthn/server"];
const BOTH: &[&str] = &["fido2", "@simplewebauthn/server"];

const fn case<T>(name: &'static str, change: fn(&mut T)) -> Case<T> {
    Case {
        name,
        change,
        is_accepted: false,
        differs: &[],
    }
}

impl<T> Case<T> {
    const fn accepted(self) -> Self {
        Self {
            is_accepted: true,
            ..self
        }
    }

    const fn but(self, differs: &'static [&'static str]) -> Self {
        Self { differs, ..self }
    }
}

pub(crate) const REGISTRATIONS: &[Case<Created>] = &[
    case("unchanged", |_| {}).accepted(),
    case("extension outputs", |created: &mut Created| {
        created.data.flags |= ED;
        created
            .data
            .rest
            .extend([vec![0xa1], text("credProtect"), vec![2]].concat());
    })
    .accepted(),
    case("reserved flags", |created: &mut Created| {
        created.data.flags |= 0x22;
    })
    .accepted(),
    case("type", |created: &mut Created| {
        created.client_data["type"] = "webauthn.get".into();
    }),
    case("challenge", |created: &mut Created| {
        created.client_data["challenge"] = encode([8; 32]).into();
    }),
    case("origin", |created: &mut Created| {
        created.client_data["origin"] = "https://evil.example".into();
    }),
    case("cross origin", |created: &mut Created| {
        created.client_data["crossOrigin"] = true.into();
    })
    .but(BOTH),
    case("top origin", |created: &mut Created| {
        created.client_data["topOrigin"] = "https://evil.example".into();
    })
    .but(BOTH),
    case("RP ID", |created: &mut Created| {
        created.data.rp_id = "evil.example".into();
    }),
    case("no user presence", |created: &mut Created| {
        created.data.flags &= !UP;
    }),
    case("no user verification", |created: &mut Created| {
        created.data.flags &= !UV;
    }),
    case("backed up without eligibility", |created: &mut Created| {
        created.data.flags &= !BE;
    })
    .but(FIDO2),
    case("no attested credential", |created: &mut Created| {
        created.data.flags &= !AT;
        created.data.rest.clear();
    }),
    case("trailing bytes", |created: &mut Created| {
        created.data.rest.push(0);
    }),
    case("truncated key", |created: &mut Created| {
        created.data.rest.truncate(100);
    })
    .but(FIDO2),
    case("other credential ID", |created: &mut Created| {
        created.id = vec![8; 32];
    })
    .but(BOTH),
    case("id and rawId differ", |created: &mut Created| {
        created.extra = json!({"id": encode([8; 32])});
    })
    .but(FIDO2),
    case("statement of none", |created: &mut Created| {
        created.statement = [vec![0xa1], text("a"), vec![1]].concat();
    })
    .but(FIDO2),
    case("unsupported algorithm", |created: &mut Created| {
        let cose = created.data.rest[50..].to_vec();
        let cose = [&cose[..4], &[0x38, 34], &cose[5..]].concat();
        created.data.rest = attested(&created.id, &cose);
    })
    .but(FIDO2),
    case("point not on the curve", |created: &mut Created| {
        let last = created.data.rest.last_mut().unwrap();
        *last ^= 1;
    })
    .but(BOTH),
    case("key parameter twice", |created: &mut Created| {
        let cose = [&[0xa6], &created.data.rest[51..], &[3, 0x26]].concat();
        created.data.rest = attested(&created.id, &cose);
    })
    .but(FIDO2),
    case("credential ID of 1023 bytes", |created: &mut Created| {
        created.id = vec![9; 1023];
        created.data.rest = attested(&created.id, &created.data.rest[50..]);
    })
    .accepted(),
    case("credential ID of 1024 bytes", |created: &mut Created| {
        created.id = vec![9; 1024];
        created.data.rest = attested(&created.id, &created.data.rest[50..]);
    })
    .but(BOTH),
    case("other type of credential", |created: &mut Created| {
        created.extra = json!({"type": "password"});
    })
    .but(FIDO2),
];

pub(crate) const AUTHENTICATIONS: &[Case<Asserted>] = &[
    case("unchanged", |_| {}).accepted(),
    case("not backed up any more", |asserted: &mut Asserted| {
        asserted.data.flags &= !BS;
    })
    .accepted(),
    case("counter", |asserted: &mut Asserted| {
        asserted.data.sign_count = 1;
    })
    .accepted(),
    case("type", |asserted: &mut Asserted| {
        asserted.client_data["type"] = "webauthn.create".into();
    }),
    case("challenge", |asserted: &mut Asserted| {
        asserted.client_data["challenge"] = encode([8; 32]).into();
    }),
    case("origin", |asserted: &mut Asserted| {
        asserted.client_data["origin"] = "https://evil.example".into();
    }),
    case("cross origin", |asserted: &mut Asserted| {
        asserted.client_data["crossOrigin"] = true.into();
    })
    .but(BOTH),
    case("top origin", |asserted: &mut Asserted| {
        asserted.client_data["topOrigin"] = "https://evil.example".into();
    })
    .but(FIDO2),
    case("RP ID", |asserted: &mut Asserted| {
        asserted.data.rp_id = "evil.example".into();
    }),
    case("no user presence", |asserted: &mut Asserted| {
        asserted.data.flags &= !UP;
    }),
    case("no user verification", |asserted: &mut Asserted| {
        asserted.data.flags &= !UV;
    }),
    case(
        "backed up without eligibility",
        |asserted: &mut Asserted| asserted.data.flags &= !BE,
    )
    .but(FIDO2),
    case("other backup eligibility", |asserted: &mut Asserted| {
        asserted.data.flags &= !(BE | BS);
    })
    .but(BOTH),
    case("trailing bytes", |asserted: &mut Asserted| {
        asserted.data.rest.push(0);
    }),
    case(
        "user handle of another account",
        |asserted: &mut Asserted| {
            asserted.user_handle = Some(vec![2; 16]);
        },
    )
    .but(BOTH),
    case("no user handle", |asserted: &mut Asserted| {
        asserted.user_handle = None;
    })
    .but(BOTH),
    case("other credential ID", |asserted: &mut Asserted| {
        asserted.id = vec![8; 32];
    })
    .but(NODE),
    case("signature over other data", |asserted: &mut Asserted| {
        asserted.signed = Some(b"other".to_vec());
    }),
    case("no signature", |asserted: &mut Asserted| {
        asserted.extra = json!({"response": {"signature": ""}});
    }),
    case(
        "data changed after the signature",
        |asserted: &mut Asserted| {
            let mut data = asserted.data.clone();
            data.sign_count = 5;
            asserted.extra = json!({"response": {"authenticatorData": encode(data.encode())}});
        },
    ),
];
