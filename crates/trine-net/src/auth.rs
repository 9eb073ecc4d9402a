//! Users and how they prove who they are. One stored verifier serves every protocol that shows a password or runs SCRAM-SHA-256 (decision Q13); the
//! password itself is never stored. What a user may do is the broker's business.

use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

/// Iterations of a new verifier: RFC 7677 asks for 15 000 at least.
pub const ITERATIONS_DEFAULT: u32 = 16_384;
/// Fewest iterations accepted in a configuration (RFC 7677's floor).
pub const ITERATIONS_MIN: u32 = 4096;
/// Most iterations accepted: beyond it one wrong password would cost seconds of CPU.
pub const ITERATIONS_MAX: u32 = 1_000_000;
/// Bytes of salt of a new verifier.
pub const SALT_BYTES: usize = 16;
/// Most bytes of salt accepted.
const SALT_BYTES_MAX: usize = 64;
/// Longest password, in bytes.
pub const PASSWORD_BYTES_MAX: usize = 1024;

const PREFIX: &str = "scram-sha-256:";

/// What is stored instead of a password: `scram-sha-256:ITERATIONS:SALT:STORED_KEY:SERVER_KEY`, the last three in base64 (RFC 5802 §3).
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// PBKDF2 rounds.
    pub iterations: u32,
    /// Random bytes.
    pub salt: Vec<u8>,
    /// H(ClientKey).
    pub stored_key: [u8; 32],
    /// What the server proves itself with.
    pub server_key: [u8; 32],
}

/// Why a text is not a verifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifierError {
    /// Most likely a plain password.
    #[error("it must start with \"scram-sha-256:\"; run `trine user hash` to make one from a password")]
    NotAVerifier,
    /// A part is missing, too long or not base64.
    #[error("it is damaged; run `trine user hash` to make a new one")]
    Damaged,
    /// The iterations are out of bounds.
    #[error("its {0} iterations are not between {ITERATIONS_MIN} and {ITERATIONS_MAX}")]
    Iterations(u32),
}

impl Verifier {
    /// A verifier of a password.
    #[must_use]
    pub fn of_password(password: &[u8], salt: &[u8], iterations: u32) -> Self {
        let salted = pbkdf2(password, salt, iterations);
        let client_key = hmac(&salted, b"Client Key");
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: Sha256::digest(client_key).into(),
            server_key: hmac(&salted, b"Server Key"),
        }
    }

    /// Parses the stored form.
    pub fn parse(text: &str) -> Result<Self, VerifierError> {
        let rest = text.strip_prefix(PREFIX).ok_or(VerifierError::NotAVerifier)?;
        let parts: Vec<&str> = rest.split(':').collect();
        let [iterations, salt, stored_key, server_key] = parts[..] else { return Err(VerifierError::Damaged) };
        let iterations: u32 = iterations.parse().map_err(|_| VerifierError::Damaged)?;
        if !(ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations) {
            return Err(VerifierError::Iterations(iterations));
        }
        let decode = |part: &str| STANDARD.decode(part).map_err(|_| VerifierError::Damaged);
        let salt = decode(salt)?;
        if salt.is_empty() || salt.len() > SALT_BYTES_MAX {
            return Err(VerifierError::Damaged);
        }
        let key = |part: &str| <[u8; 32]>::try_from(decode(part)?).map_err(|_| VerifierError::Damaged);
        Ok(Self { iterations, salt, stored_key: key(stored_key)?, server_key: key(server_key)? })
    }

    /// Whether the password is the right one. Takes milliseconds by design: do not call it on a task that others wait for.
    #[must_use]
    pub fn matches(&self, password: &[u8]) -> bool {
        let salted = pbkdf2(password, &self.salt, self.iterations);
        let stored: [u8; 32] = Sha256::digest(hmac(&salted, b"Client Key")).into();
        same(&stored, &self.stored_key)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { iterations, salt, stored_key, server_key } = self;
        let encode = |bytes: &[u8]| STANDARD.encode(bytes);
        write!(f, "{PREFIX}{iterations}:{}:{}:{}", encode(salt), encode(stored_key), encode(server_key))
    }
}

/// Never shows the keys.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} iterations)", self.iterations)
    }
}

/// The one list of users.
#[derive(Debug, Default)]
pub struct Users {
    verifiers: HashMap<String, Verifier>,
    /// Digests of passwords that were right, so that a client that sends its password with every request pays the derivation once. One per user.
    proven: Mutex<HashMap<String, [u8; 32]>>,
}

impl Users {
    /// Users by name.
    #[must_use]
    pub fn new(users: impl IntoIterator<Item = (String, Verifier)>) -> Self {
        Self { verifiers: users.into_iter().collect(), proven: Mutex::default() }
    }

    /// Whether there are none, so that nobody has to say who they are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.verifiers.is_empty()
    }

    /// A user's verifier.
    #[must_use]
    pub fn verifier(&self, name: &str) -> Option<&Verifier> {
        self.verifiers.get(name)
    }

    /// Whether this password was right before; quick. `None`: not known, ask [`Users::check`].
    #[must_use]
    pub fn proven(&self, name: &str, password: &[u8]) -> Option<bool> {
        let proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = proven.get(name)?;
        same(digest, &self.digest(name, password)?).then_some(true)
    }

    /// Whether this is the user's password. Takes milliseconds, for an unknown user as well: call it where waiting is allowed.
    #[must_use]
    pub fn check(&self, name: &str, password: &[u8]) -> bool {
        if password.len() > PASSWORD_BYTES_MAX {
            return false;
        }
        let Some(verifier) = self.verifiers.get(name) else {
            // Same cost as a wrong password, so that the time does not tell which names exist.
            let _ = pbkdf2(password, b"no such user", ITERATIONS_DEFAULT);
            return false;
        };
        if !verifier.matches(password) {
            return false;
        }
        if let Some(digest) = self.digest(name, password) {
            self.proven.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), digest);
        }
        true
    }

    /// A digest only this process can use: keyed with the user's own secret material.
    fn digest(&self, name: &str, password: &[u8]) -> Option<[u8; 32]> {
        let verifier = self.verifiers.get(name)?;
        Some(hmac(&verifier.server_key, password))
    }
}

/// Compares in a time that does not depend on where the first difference is.
fn same(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

const BLOCK: usize = 64;

/// HMAC-SHA-256 with the key's inner and outer blocks hashed once (RFC 2104).
struct Hmac {
    inner: Sha256,
    outer: Sha256,
}

impl Hmac {
    fn new(key: &[u8]) -> Self {
        let mut block = [0; BLOCK];
        if key.len() > BLOCK {
            block[..32].copy_from_slice(&Sha256::digest(key));
        } else {
            block[..key.len()].copy_from_slice(key);
        }
        let (mut inner, mut outer) = (Sha256::new(), Sha256::new());
        inner.update(block.map(|b| b ^ 0x36));
        outer.update(block.map(|b| b ^ 0x5c));
        Self { inner, outer }
    }

    fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut inner = self.inner.clone();
        for part in parts {
            inner.update(part);
        }
        let mut outer = self.outer.clone();
        outer.update(inner.finalize());
        outer.finalize().into()
    }
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    Hmac::new(key).sign(&[text])
}

/// PBKDF2 with HMAC-SHA-256 and one block of output, which is all SCRAM needs (RFC 8018 §5.2).
fn pbkdf2(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let keyed = Hmac::new(password);
    let mut round = keyed.sign(&[salt, &1_u32.to_be_bytes()]);
    let mut sum = round;
    for _ in 1..iterations {
        round = keyed.sign(&[&round]);
        for (s, r) in sum.iter_mut().zip(round) {
            *s ^= r;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifiers_are_those_of_the_rfc() {
        // RFC 7677 §3: user "user", password "pencil"; its server signature is HMAC(ServerKey, AuthMessage).
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::of_password(b"pencil", &salt, 4096);
        let auth = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                    s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let signature = hmac(&verifier.server_key, auth.as_bytes());
        assert_eq!(STANDARD.encode(signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        // Its client proof: ClientKey = proof XOR HMAC(StoredKey, AuthMessage), and StoredKey = H(ClientKey).
        let proof = STANDARD.decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").unwrap();
        let mask = hmac(&verifier.stored_key, auth.as_bytes());
        let client_key: Vec<u8> = proof.iter().zip(mask).map(|(p, m)| p ^ m).collect();
        assert_eq!(<[u8; 32]>::from(Sha256::digest(client_key)), verifier.stored_key);
    }

    #[test]
    fn verifiers_round_trip_and_check() {
        let verifier = Verifier::of_password("pässword".as_bytes(), &[7; SALT_BYTES], ITERATIONS_MIN);
        let parsed = Verifier::parse(&verifier.to_string()).unwrap();
        assert_eq!(parsed, verifier);
        assert!(parsed.matches("pässword".as_bytes()));
        assert!(!parsed.matches(b"password"));
        assert!(!format!("{verifier:?}").contains(&STANDARD.encode(verifier.stored_key)));
    }

    #[test]
    fn anything_else_is_refused() {
        let good = Verifier::of_password(b"x", &[7; SALT_BYTES], ITERATIONS_MIN).to_string();
        assert_eq!(Verifier::parse("hunter2"), Err(VerifierError::NotAVerifier));
        assert_eq!(Verifier::parse(&good.replace(":4096:", ":1:")), Err(VerifierError::Iterations(1)));
        assert_eq!(
            Verifier::parse(&good.replace(":4096:", ":4000000000:")),
            Err(VerifierError::Iterations(4_000_000_000))
        );
        for bad in [&good[..good.len() - 4], &good.replace(":4096:", ":-1:"), &format!("{good}:x"), "scram-sha-256:"] {
            assert_eq!(Verifier::parse(bad), Err(VerifierError::Damaged), "{bad}");
        }
    }

    #[test]
    fn a_proven_password_is_remembered_and_a_wrong_one_never_is() {
        let verifier = Verifier::of_password(b"right", &[1; SALT_BYTES], ITERATIONS_MIN);
        let users = Users::new([("ann".to_owned(), verifier)]);
        assert_eq!(users.proven("ann", b"right"), None);
        assert!(!users.check("ann", b"wrong"));
        assert!(!users.check("bob", b"right"));
        assert!(!users.check("ann", &[b'x'; PASSWORD_BYTES_MAX + 1]));
        assert!(users.check("ann", b"right"));
        assert_eq!(users.proven("ann", b"right"), Some(true));
        assert_eq!(users.proven("ann", b"wrong"), None);
    }

    #[test]
    fn long_keys_are_hashed_first() {
        // RFC 4231 test case 6.
        let mac = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(mac[..4], [0x60, 0xe4, 0x31, 0x59]);
    }
}
