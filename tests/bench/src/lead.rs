//! Leads as Microsoft posts them: about 600 bytes, realistic values, a marker that is found again.

/// What stands behind the number in every lead's address.
const DOMAIN: &[u8] = b"@bench.example";

/// What stands before it.
const PREFIX: &[u8] = b"lead-";

/// Stands in the address of one lead in a thousand: the one a CRM may be told to refuse.
pub(crate) const POISON: &str = "500@bench.example";

/// Every body is padded to this length, so that one head serves all leads.
pub(crate) const BODY_BYTES: usize = 600;

/// Country, phone number as people there write it (`#` becomes a digit).
const PLACES: [(&str, &str); 14] = [
    ("US", "+1 (206) 7##-####"),
    ("GB", "020 7946 ####"),
    ("DE", "+49 30 9018 ####"),
    ("SE", "+46 8 5550 ###"),
    ("FR", "01 44 ## ## ##"),
    ("IN", "+91 98450 #####"),
    ("JP", "03-3210-####"),
    ("AU", "(02) 9374 ####"),
    ("BR", "+55 11 3012-####"),
    ("NL", "020 551 ####"),
    ("CA", "416-9##-####"),
    ("United States", "206.7##.####"),
    ("Deutschland", "030 9018####"),
    ("", ""),
];

const PEOPLE: [(&str, &str, &str); 9] = [
    ("Ada", "Lindqvist", "Head of IT"),
    ("Grace", "Okafor", "Cloud Architect"),
    ("José", "García Núñez", "Director de TI"),
    ("Wei", "Zhang", "Engineering Manager"),
    ("Amélie", "Dubois", "Responsable achats"),
    ("Jonas", "Müller", ""),
    ("Priya", "Raman", "VP Operations"),
    ("Noor", "de Vries", "Platform Lead"),
    ("Tom", "O'Brien", "CTO"),
];

const OFFERS: [(&str, &str, &str); 5] = [
    (
        "AzureMarketplace-INS|contoso.contoso-backup-saas",
        "INS",
        "Contoso Backup",
    ),
    ("SPZA-PLT|contoso.contoso-crm-suite", "PLT", "Contoso CRM Suite"),
    (
        "AzureMarketplace-StartTestDrive|contoso.contoso-analytics",
        "StartTestDrive",
        "Contoso Analytics",
    ),
    (
        "AzurePortal-Create|contoso.contoso-firewall",
        "Create",
        "Contoso Firewall",
    ),
    ("SPZA-INS|contoso.contoso-invoice", "INS", "Contoso Invoice"),
];

/// The fixed text of one kind of lead and the places where a number makes it its own.
struct Shape {
    body: Vec<u8>,
    holes: Vec<usize>,
    marker: usize,
}

/// Every shape a lead may have; lead `n` has shape `n % len`.
pub(crate) struct Shapes(Vec<Shape>);

/// Digits in the marker: enough for a billion leads a run.
const MARKER_DIGITS: usize = 9;

impl Shapes {
    /// Builds all shapes once; a lead is then a copy and a few digits.
    pub(crate) fn new() -> Self {
        let count = PLACES.len() * PEOPLE.len() * OFFERS.len();
        Self((0..count).map(Shape::new).collect())
    }

    /// Appends the body of lead `n`.
    pub(crate) fn write(&self, n: u64, out: &mut Vec<u8>) {
        let count = u64::try_from(self.0.len()).unwrap_or(1);
        let Some(shape) = usize::try_from(n % count).ok().and_then(|at| self.0.get(at)) else {
            return;
        };
        let start = out.len();
        out.extend_from_slice(&shape.body);
        let mut rest = n;
        for place in (0..MARKER_DIGITS).rev() {
            put(out, start + shape.marker + place, rest % 10);
            rest /= 10;
        }
        // Spread over all digits, so that neighbours differ in more than the last one.
        let mut mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 8;
        for hole in &shape.holes {
            put(out, start + hole, mixed % 10);
            mixed /= 10;
        }
    }
}

fn put(out: &mut [u8], at: usize, digit: u64) {
    if let (Some(byte), Ok(value)) = (out.get_mut(at), u8::try_from(digit)) {
        *byte = b'0' + value;
    }
}

impl Shape {
    fn new(kind: usize) -> Self {
        let (country, phone) = PLACES[kind % PLACES.len()];
        let (first, last, title) = PEOPLE[kind % PEOPLE.len()];
        let (source, action, offer) = OFFERS[kind % OFFERS.len()];
        let text = format!(
            concat!(
                "{{\n  \"UserDetails\": {{\n    \"FirstName\": \"{first}\",\n    \"LastName\": \"{last}\",\n",
                "    \"Email\": \"lead-@@@@@@@@@@bench.example\",\n    \"Phone\": \"{phone}\",\n",
                "    \"Country\": \"{country}\",\n    \"Company\": \"Fabrikam ##### AB\",\n",
                "    \"Title\": \"{title}\"\n  }},\n  \"LeadSource\": \"{source}\",\n",
                "  \"ActionCode\": \"{action}\",\n  \"OfferTitle\": \"{offer}\",\n",
                "  \"Description\": \"Customer asked for the offer and wants to hear about prices and support.\"\n}}",
            ),
            first = first,
            last = last,
            phone = phone,
            country = country,
            title = title,
            source = source,
            action = action,
            offer = offer,
        );
        let mut body = text.into_bytes();
        body.resize(BODY_BYTES.max(body.len()), b' ');
        let holes = (0..body.len()).filter(|at| body[*at] == b'#').collect();
        let marker = body.iter().position(|byte| *byte == b'@').unwrap_or_default();
        Self { body, holes, marker }
    }
}

/// The numbers of all leads whose address stands anywhere in `bytes`, each once, sorted.
pub(crate) fn markers(bytes: &[u8]) -> Vec<u64> {
    let mut found = markers_in_order(bytes);
    found.sort_unstable();
    found.dedup();
    found
}

/// The numbers of all leads whose address stands anywhere in `bytes`, as often and in the order they do.
pub(crate) fn markers_in_order(bytes: &[u8]) -> Vec<u64> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(offset) = bytes[from..].iter().position(|byte| *byte == b'@') {
        let at = from + offset;
        if bytes[at..].starts_with(DOMAIN) {
            found.extend(number_before(&bytes[from..at]));
        }
        from = at + 1;
    }
    found
}

/// Whether the lead's address contains [`POISON`].
pub(crate) fn is_poison(number: u64) -> bool {
    number % 1000 == 500
}

fn number_before(bytes: &[u8]) -> Option<u64> {
    let digits = bytes
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let (head, tail) = bytes.split_at(bytes.len() - digits);
    if digits == 0 || !head.ends_with(PREFIX) {
        return None;
    }
    Some(
        tail.iter()
            .fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_lead_is_json_of_one_length_and_carries_its_own_address() {
        let shapes = Shapes::new();
        let mut bodies = std::collections::HashSet::new();
        for n in (0..2000).chain([999_999_999]) {
            let mut body = Vec::new();
            shapes.write(n, &mut body);
            assert_eq!(body.len(), BODY_BYTES, "lead {n}");
            let value: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(
                value["UserDetails"]["Email"],
                format!("lead-{n:09}@bench.example")
            );
            assert!(!value["UserDetails"]["Phone"].as_str().unwrap().contains('#'));
            let poisoned = value["UserDetails"]["Email"].as_str().unwrap().contains(POISON);
            assert_eq!(is_poison(n), poisoned, "lead {n}");
            assert!(bodies.insert(body));
        }
    }

    #[test]
    fn markers_are_found_anywhere_and_counted_once_for_each_body() {
        let text =
            b"{\"a\":\"lead-000000012@bench.example\"} x@y lead-7@bench.example, lead-12@bench.example \
            lead-@bench.example 5@bench.example lead-8@bench.exam";
        assert_eq!(markers(text), vec![7, 12]);
        assert_eq!(markers(b""), Vec::<u64>::new());
    }
}
