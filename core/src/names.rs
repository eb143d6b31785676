//! How usernames and addresses are compared: the keys that accounts are found by, and the
//! similarity of names (UTS 39). `users` decides which names are allowed.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory as _};
use unicode_script::Script;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::{GeneralSecurityProfile as _, general_security_profile::IdentifierType};

use crate::text;

/// Returns the key that all spellings of a username share.
pub fn username_key(username: &str) -> String {
    text::fold(&text::nfc(username.trim()))
}

/// Returns the key that all spellings of an address share. The domain is converted to U-labels
/// first, so `xn--mller-kva.de` and `müller.de` are equal.
pub fn email_key(email: &str) -> String {
    let email = text::nfc(email.trim());
    match email.rsplit_once('@') {
        Some((local, domain)) => format!("{}@{}", text::fold(local), text::fold(&u_labels(domain))),
        None => text::fold(&email),
    }
}

/// Returns the address as SMTP servers accept it: with its domain in A-labels (IDNA 2008, by UTS 46
/// without transitional mappings). A domain without A-labels stays unchanged.
pub fn mail_address(email: &str) -> Cow<'_, str> {
    match email.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match idna::domain_to_ascii(domain) {
            Ok(domain) => Cow::Owned(format!("{local}@{domain}")),
            Err(_) => Cow::Borrowed(email),
        },
        _ => Cow::Borrowed(email),
    }
}

fn u_labels(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() && !domain.to_ascii_lowercase().contains("xn--") {
        return Cow::Borrowed(domain);
    }
    match idna::domain_to_unicode(domain) {
        (domain, Ok(())) => Cow::Owned(domain),
        (_, Err(_)) => Cow::Borrowed(domain),
    }
}

/// Returns whether a character is a letter, a mark or a digit of any script. Invisible characters
/// are excluded.
pub fn is_letter_or_digit(c: char) -> bool {
    let category = c.general_category();
    let is_letter = matches!(
        c.general_category_group(),
        GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark
    );
    (is_letter || category == GeneralCategory::DecimalNumber)
        && c.identifier_type() != Some(IdentifierType::Default_Ignorable)
}

/// Returns whether a name exceeds the level Highly Restrictive of UTS 39, section 5.2: it is
/// neither in one script nor in Latin with one of Chinese, Japanese and Korean.
pub fn mixes_scripts(name: &str) -> bool {
    let (mut all, mut but_latin) = (AugmentedScriptSet::default(), AugmentedScriptSet::default());
    for c in name.chars() {
        let scripts = AugmentedScriptSet::for_char(c);
        all.intersect_with(scripts);
        if !scripts.base.contains_script(Script::Latin) {
            but_latin.intersect_with(scripts);
        }
    }
    all.is_empty() && !(but_latin.hanb || but_latin.jpan || but_latin.kore)
}

/// Returns the skeleton of a name. Two names with the same skeleton can be mistaken for each other
/// (UTS 39, section 4). ASCII names have none, because readers distinguish `modern` from `modem`.
pub fn skeleton(name: &str) -> Option<String> {
    (!name.is_ascii()).then(|| unicode_security::skeleton(name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_address_has_one_key() {
        for (one, other) in [
            ("οδος@example.org", " ΟΔΟΣ@EXAMPLE.ORG "),
            ("straße@example.org", "STRASSE@example.org"),
            ("ada@müller.de", "Ada@XN--MLLER-KVA.de"),
            ("ada@müller.de", "ada@MU\u{308}LLER.DE"),
            ("ﬁ@example.org", "fi@example.org"),
        ] {
            assert_eq!(email_key(one), email_key(other), "{one} {other}");
            assert_eq!(email_key(&email_key(one)), email_key(one), "{one}");
        }
        assert_eq!(username_key(" Straße\t"), "strasse");
        assert_ne!(email_key("a@xn--a.de"), email_key("a@a.de"), "no U-label");
    }

    #[test]
    fn mail_goes_to_a_labels_that_keep_what_older_mappings_lost() {
        assert_eq!(mail_address("ada@Müller.de"), "ada@xn--mller-kva.de");
        assert_eq!(mail_address("ada@straße.de"), "ada@xn--strae-oqa.de");
        assert_eq!(mail_address("ÄDA@example.org"), "ÄDA@example.org");
        assert_eq!(mail_address("dhaya@gmail"), "dhaya@gmail");
    }

    #[test]
    fn names_of_one_script_and_latin_with_east_asian_ones_do_not_mix() {
        for name in [
            "ada",
            "müller",
            "李雷",
            "пример",
            "नमस्ते",
            "ada田中さくら",
            "ada-한글",
            "中ㄅa",
            "пример.1-2",
            "ᏣᎳᎩ",
        ] {
            assert!(!mixes_scripts(name), "{name}");
        }
        for name in ["аdа", "adaпример", "Γειά-ада", "adaμ", "한글さくら", "李雷пример"]
        {
            assert!(mixes_scripts(name), "{name}");
        }
    }

    #[test]
    fn what_nobody_sees_is_no_letter() {
        for c in [
            '\u{3164}', '\u{115f}', '\u{fe0f}', '\u{34f}', '\u{200d}', '\u{ad}', '²', '🦀', '’',
            ' ',
        ] {
            assert!(!is_letter_or_digit(c), "{c:?}");
        }
        for c in ['a', 'ü', '雷', '\u{94d}', '٣', 'ㄅ'] {
            assert!(is_letter_or_digit(c), "{c:?}");
        }
    }

    #[test]
    fn names_that_look_alike_have_one_skeleton() {
        assert_eq!(skeleton("аре").as_deref(), Some("ape"));
        assert_eq!(skeleton("müller"), skeleton("rnüller"));
        assert_ne!(skeleton("müller"), skeleton("möller"));
        assert_eq!(skeleton("modern"), None);
    }
}
