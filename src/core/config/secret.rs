//! Secrets among the attributes of a resource: the cluster file names them, the nodes keep them in files.

/// The beginning of a value that stands for the content of a file on the node.
const SECRET: &str = "secret://";

/// Words in the name of an attribute that hold something which not everybody may read.
const WORDS: [&str; 5] = ["password", "passwd", "passphrase", "secret", "token"];
/// Ends of the name of an attribute that only says where something is.
const PLACES: [&str; 4] = ["file", "path", "dir", "directory"];

/// The name of the secret that a value stands for: `db` of `secret://db`.
pub fn secret_name(value: &str) -> Option<&str> {
    value.strip_prefix(SECRET)
}

/// Whether an attribute, by its name, holds a secret in plain text.
pub fn looks_secret(attribute: &str, value: &str) -> bool {
    let name = attribute.to_ascii_lowercase();
    let is_secret = WORDS.iter().any(|word| name.contains(word)) && !PLACES.iter().any(|place| name.ends_with(place));
    is_secret && !value.trim().is_empty() && secret_name(value).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_name() {
        assert_eq!(secret_name("secret://db"), Some("db"));
        assert_eq!(secret_name("S3cr3t"), None);
        for (attribute, value, looks) in [
            ("password", "S3cr3t", true),
            ("OCF_Passwd", "x", true),
            ("AuthToken", "x", true),
            ("password", "secret://db", false),
            ("password", " ", false),
            ("password_file", "/etc/db", false),
            ("ip", "10.1.1.7", false),
        ] {
            assert_eq!(looks_secret(attribute, value), looks, "{attribute} = {value}");
        }
    }
}
