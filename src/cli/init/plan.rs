//! What `leadsync init` writes: pure texts from answers and chance.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use connector_kit::dice::Dice;
use connector_kit::secret::UNWRITTEN;
use url::Url;

use crate::config::Document;
use crate::registry::{self, Made, Template};

/// The main file as it is shipped.
pub(super) const MAIN: &str = include_str!("../../../config/leadsync.toml");

/// What stands in shipped files for something of the operator's own.
const EXAMPLES: [&str; 5] = [
    "contoso",
    "00000000-0000-0000-0000-000000000000",
    "3MVG9..",
    "123-PQR-789",
    "hooks.example.com",
];

/// The source that takes the leads of the marketplace.
pub(super) const SOURCE: &str = "marketplace";

/// Where leadsync listens when it ends TLS itself: the service may not take a port below 1024.
const OWN_PORT: u16 = 8443;

/// What the operator decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answers {
    /// Kind and name of each connector.
    pub(super) connectors: Vec<(String, String)>,
    /// The address others reach this machine by.
    pub(super) public_url: Option<Url>,
    /// Who ends TLS.
    pub(super) front: Front,
}

/// Who ends TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Front {
    /// A proxy on this machine.
    Proxy,
    /// leadsync itself.
    Tls,
}

/// A file to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Where.
    pub(super) path: PathBuf,
    /// What.
    pub(super) text: String,
    /// Whether it is a secret: for its owner alone, and never written anew.
    pub(super) secret: bool,
}

/// Every file, and what a person does afterwards.
pub(super) struct Plan {
    pub(super) files: Vec<Planned>,
    /// What the service is handed: lines for a drop-in.
    pub(super) drop_in: String,
    /// What is left to do where leadsync ends TLS itself.
    pub(super) tls: Vec<String>,
    /// Commands once everything is filled in.
    pub(super) then: Vec<String>,
}

/// Plans a config in `dir`, for a program that is installed below `prefix`.
pub(super) fn plan(dir: &Path, prefix: &Path, answers: &Answers, dice: &Dice) -> Plan {
    let mut files = vec![Planned {
        path: dir.join("leadsync.toml"),
        text: main_file(dir, prefix, answers),
        secret: false,
    }];
    let mut made = BTreeMap::from([(SOURCE.to_owned(), Made::Letters)]);
    let mut then = Vec::new();
    for (kind, name) in &answers.connectors {
        let Some(template) = registry::template(kind) else {
            continue;
        };
        files.push(Planned {
            path: dir.join(format!("connectors.d/{name}.toml")),
            text: connector_file(prefix, kind, name, &template),
            secret: false,
        });
        made.extend(
            template
                .made
                .iter()
                .map(|(credential, how)| (own_name(credential, name, &template), *how)),
        );
        then.extend(template.then.iter().map(|step| step.replace("NAME", name)));
    }
    let credentials = credentials(&files);
    let folder = dir.join("credentials");
    let mut drop_in = "# Written by leadsync init: the secrets the config names.\n[Service]\n".to_owned();
    for name in &credentials {
        let path = folder.join(name);
        drop_in.extend(["LoadCredential=", name, ":", &path.display().to_string(), "\n"]);
        let text = match made.get(name) {
            Some(how) => secret(*how, dice),
            None => format!("{UNWRITTEN}\n"),
        };
        files.push(Planned {
            path,
            text,
            secret: true,
        });
    }
    Plan {
        files,
        drop_in,
        tls: tls_steps(dir, answers),
        then,
    }
}

/// Where the schemas of config files are installed, for editors.
fn schema_path(prefix: &Path, name: &str) -> String {
    format!("file://{}/share/leadsync/schema/{name}.json", prefix.display())
}

/// Whoever ends TLS needs a certificate, and the port the address names.
fn tls_steps(dir: &Path, answers: &Answers) -> Vec<String> {
    if answers.front != Front::Tls {
        return Vec::new();
    }
    let chain = dir.join("tls/chain.pem");
    let mut steps = vec![format!("put the certificate's chain into {}", chain.display())];
    if answers
        .public_url
        .as_ref()
        .is_some_and(|url| url.port().is_none())
    {
        steps.push(format!(
            "public_url means port 443, and leadsync listens on {OWN_PORT}. Either name the port in public_url (:{OWN_PORT}),\n\
             or let systemd listen on 443 (leadsync.socket, ListenStream=0.0.0.0:443) and write the same address into public"
        ));
    }
    steps
}

fn main_file(dir: &Path, prefix: &Path, answers: &Answers) -> String {
    let mut text = format!("#:schema {}\n{MAIN}", schema_path(prefix, "leadsync"));
    let mut put = |shipped: &str, own: &str| {
        debug_assert!(text.contains(shipped), "the shipped file lost a line: {shipped}");
        text = text.replacen(shipped, own, 1);
    };
    put(
        "#[sources.website]\n#account = \"default\"  ",
        &format!("[sources.{SOURCE}]\n#account = \"default\"  "),
    );
    put(
        "#secrets = [{ credential = \"website.secret\" }]",
        &format!("secrets = [{{ credential = \"{SOURCE}\" }}]"),
    );
    put("/v1/leads/website/", &format!("/v1/leads/{SOURCE}/"));
    if let Some(url) = &answers.public_url {
        let own = format!("public_url = \"{}\"", url.as_str().trim_end_matches('/'));
        put("#public_url = \"https://leads.contoso.example\"", &own);
    }
    match answers.front {
        Front::Proxy => put(
            "trusted_proxies = []",
            "trusted_proxies = [\"127.0.0.1\", \"::1\"]",
        ),
        Front::Tls => {
            let port = answers
                .public_url
                .as_ref()
                .and_then(Url::port)
                .unwrap_or(OWN_PORT);
            put(
                "public = \"127.0.0.1:8080\"",
                &format!("public = \"0.0.0.0:{port}\""),
            );
            put("#[listen.tls]\n", "[listen.tls]\n");
            let shipped = "#certificate = \"/etc/leadsync/tls/chain.pem\"";
            put(
                shipped,
                &format!("certificate = \"{}\"", dir.join("tls/chain.pem").display()),
            );
            put(
                "#key = { credential = \"tls.key\" }",
                "key = { credential = \"tls.key\" }",
            );
        }
    }
    text
}

/// The shipped file, with a mark wherever something of the operator's own has to stand.
fn connector_file(prefix: &Path, kind: &str, name: &str, template: &Template) -> String {
    let mut text = template.text.to_owned();
    for (shipped, own) in template.lines {
        text = text.replacen(shipped, own, 1);
    }
    let mut file = format!("#:schema {}\n", schema_path(prefix, kind));
    for line in text.lines() {
        if line.starts_with('#') {
            file.push_str(line);
        } else {
            file.push_str(&marked(&renamed(line, name, template)));
        }
        file.push('\n');
    }
    file
}

/// Two connectors of a kind must not share a secret by accident.
fn renamed(line: &str, name: &str, template: &Template) -> String {
    const OPENING: &str = "credential = \"";
    let Some((before, rest)) = line.split_once(OPENING) else {
        return line.to_owned();
    };
    let (credential, after) = rest.split_once('"').unwrap_or((rest, ""));
    let after = renamed(after, name, template);
    format!(
        "{before}{OPENING}{}\"{after}",
        own_name(credential, name, template)
    )
}

fn own_name(credential: &str, name: &str, template: &Template) -> String {
    match credential.strip_prefix(template.name) {
        Some(rest) => format!("{name}{rest}"),
        None => format!("{name}-{credential}"),
    }
}

fn marked(line: &str) -> String {
    EXAMPLES
        .iter()
        .fold(line.to_owned(), |line, example| line.replace(example, UNWRITTEN))
}

/// The credentials the files name, in the order of the alphabet.
fn credentials(files: &[Planned]) -> Vec<String> {
    let secrets = files
        .iter()
        .flat_map(|file| Document::new(&file.path, file.text.as_str()).secrets());
    let mut names: Vec<String> = secrets.filter_map(|(_, place)| place.credential).collect();
    names.sort();
    names.dedup();
    names
}

/// 192 bits or more.
fn secret(how: Made, dice: &Dice) -> String {
    let mut bytes = [0; 33];
    dice.fill(&mut bytes);
    match how {
        Made::Letters => URL_SAFE_NO_PAD.encode(bytes),
        Made::Signing => format!("whsec_{}", STANDARD.encode(&bytes[..32])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(kinds: &[&str], front: Front) -> Answers {
        Answers {
            connectors: kinds
                .iter()
                .map(|kind| ((*kind).to_owned(), format!("my-{kind}")))
                .collect(),
            public_url: Some("https://leads.fabrikam.example".parse().unwrap()),
            front,
        }
    }

    fn text<'a>(plan: &'a Plan, end: &str) -> &'a str {
        let mut found = plan.files.iter().filter(|file| file.path.ends_with(end));
        &found.next().unwrap_or_else(|| panic!("{end}")).text
    }

    #[test]
    fn the_main_file_says_what_was_decided_and_reads_as_toml() {
        let proxy = plan(
            Path::new("/etc/leadsync"),
            Path::new("/usr"),
            &answers(&[], Front::Proxy),
            &Dice::seeded(1),
        );
        let config: crate::config::Config = toml::from_str(text(&proxy, "leadsync.toml")).unwrap();
        assert_eq!(config.intake.trusted_proxies.len(), 2);
        assert_eq!(
            config.listen.public_url.unwrap().as_str(),
            "https://leads.fabrikam.example/"
        );
        assert!(config.sources.contains_key(SOURCE) && config.listen.tls.is_none());
        let own = plan(
            Path::new("/srv/x"),
            Path::new("/opt/leadsync"),
            &answers(&[], Front::Tls),
            &Dice::seeded(1),
        );
        let config: crate::config::Config = toml::from_str(text(&own, "leadsync.toml")).unwrap();
        assert_eq!(config.listen.public.port(), 8443);
        assert_eq!(
            config.listen.tls.unwrap().certificate,
            Path::new("/srv/x/tls/chain.pem")
        );
        assert!(
            own.drop_in
                .contains("LoadCredential=tls.key:/srv/x/credentials/tls.key\n"),
            "{}",
            own.drop_in
        );
    }

    #[test]
    fn whoever_ends_tls_is_told_of_the_certificate_and_of_a_port_the_address_does_not_name() {
        let steps = |front, url: &str| {
            let answers = Answers {
                public_url: Some(url.parse().unwrap()),
                ..answers(&[], front)
            };
            tls_steps(Path::new("/e"), &answers)
        };
        assert!(steps(Front::Proxy, "https://leads.fabrikam.example").is_empty());
        let named = steps(Front::Tls, "https://leads.fabrikam.example:9443");
        assert_eq!(named, ["put the certificate's chain into /e/tls/chain.pem"]);
        let usual = steps(Front::Tls, "https://leads.fabrikam.example");
        assert!(usual.len() == 2 && usual[1].contains(":8443"), "{usual:?}");
    }

    #[test]
    fn an_editor_finds_the_schemas_where_the_program_was_installed() {
        let made = |prefix: &str| {
            let answers = answers(&["file"], Front::Proxy);
            plan(Path::new("/e"), Path::new(prefix), &answers, &Dice::seeded(2))
        };
        let local = made("/usr/local");
        let first = |end: &str| text(&local, end).lines().next().unwrap().to_owned();
        assert_eq!(
            first("leadsync.toml"),
            "#:schema file:///usr/local/share/leadsync/schema/leadsync.json"
        );
        assert!(first("my-file.toml").ends_with("/usr/local/share/leadsync/schema/file.json"));
    }

    #[test]
    fn every_kind_has_a_template_and_secrets_of_its_own() {
        for kind in registry::KINDS {
            let plan = plan(
                Path::new("/e"),
                Path::new("/usr"),
                &answers(&[kind], Front::Proxy),
                &Dice::seeded(7),
            );
            let name = format!("my-{kind}");
            let file = text(&plan, &format!("connectors.d/{name}.toml"));
            let table: toml::Table = toml::from_str(file).unwrap_or_else(|error| panic!("{kind}: {error}"));
            assert_eq!(table["kind"].as_str(), Some(kind));
            let credentials = plan.files.iter().filter(|file| file.secret);
            for file in credentials.filter(|file| !file.path.ends_with("marketplace")) {
                let credential = file.path.file_name().unwrap().to_str().unwrap();
                assert!(credential.starts_with(&name), "{kind}: {credential}");
            }
        }
    }

    #[test]
    fn what_we_make_ourselves_is_strong_and_each_time_another() {
        let dice = Dice::seeded(3);
        let (first, second) = (secret(Made::Letters, &dice), secret(Made::Letters, &dice));
        assert!(first.len() >= 32 && first != second);
        assert!(
            first
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{first}"
        );
        assert!(secret(Made::Signing, &dice).starts_with("whsec_"));
    }
}
