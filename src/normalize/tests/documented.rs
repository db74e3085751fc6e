//! Every posted body of the documentation, and what it means.

use super::*;

/// Every posted fixture, and what it means: the customer, what was done, and what follows.
const POSTED: [((&str, &str), [&str; 3]); 15] = [
    (
        fixture!("https_azuremarketplace_ins"),
        [
            "Ada; Lindqvist; ada.lindqvist@fabrikam.example; +4685550100; SE; Fabrikam AB; Head of IT",
            "AzureMarketplace; INS; contoso.contoso-backup-saas; Customer acquired the offer",
            "acquired key",
        ],
    ),
    (
        fixture!("https_azuremarketplace_ins_plain_source"),
        [
            "Some; One; someone@fabrikam.example; +16175550100; US; Fabrikam; Engineer",
            "AzureMarketplace; INS; Contoso Backup; LeadSource carries only the source; action and offer are in their own fields",
            "acquired key",
        ],
    ),
    (
        fixture!("https_azureportal_create"),
        [
            "Lena; Vogel; lena.vogel@wingtip.example; ; DE; Wingtip GmbH; ",
            "AzurePortal; Create; contoso.contoso-vm-firewall-byol; ",
            "acquired key",
        ],
    ),
    (
        fixture!("https_appsource_plt_contact_me"),
        [
            "Marco; Rossi; marco.rossi@northwind.example; +390255501234; IT; Northwind S.p.A.; CFO",
            "AppSource; PLT; contoso.contoso-crm-addon; We need 50 seats before year end. Please call after 14:00 CET.",
            "contact_me key",
        ],
    ),
    (
        fixture!("https_appsource_dnc"),
        [
            "Kenji; Sato; kenji.sato@adatum.example; +81355501234; JP; Adatum K.K.; Director",
            "AppSource; DNC; contoso.contoso-crm-addon; Customer asked a cross-listed partner to contact them; do not contact",
            "unknown key dnc",
        ],
    ),
    (
        fixture!("https_appsource_spza_label_ins"),
        [
            "Mary; Jones; mary.jones@tailspin.example; +14255550111; US; Tailspin Toys; Buyer",
            "AppSource; INS; contoso.3701c77e-1cfa-4c56-91e6-3ed0b6221450; ",
            "acquired key",
        ],
    ),
    (
        fixture!("https_testdrive_start"),
        [
            "Omar; Haddad; omar.haddad@proseware.example; +97145550199; AE; Proseware LLC; Architect",
            "TestDrive; StartTestDrive; contoso.contoso-analytics-td; test drive instance started",
            "trial key",
        ],
    ),
    (
        fixture!("https_lowercase_keys"),
        [
            "Sue; Smith; sue.smith@fabrikam.example; 1234567890; US; Fabrikam; Owner",
            "AppSource; PLT; contoso.contoso-crm-addon; keys and codes in lower case",
            "contact_me key",
        ],
    ),
    (
        fixture!("https_microsoft_test_lead"),
        [
            "MSFT_TEST_636573304831318844; MSFT_TEST_636573304831318844; msft_test_636573304831318844@test.com; \
             1234567890; US; MSFT_TEST_636573304831318844; MSFT_TEST_636573304831318844",
            "AzureMarketplace; INS; Contoso Test; MSFT_TEST_636573304831318844",
            "acquired test",
        ],
    ),
    (
        fixture!("https_missing_fields"),
        [
            "; Okafor; c.okafor@litware.example; ; NG; ; ",
            "AzureMarketplace; INS; contoso.contoso-backup-saas; ",
            "acquired key",
        ],
    ),
    (
        fixture!("https_null_user_details"),
        [
            "; ; ; ; ; ; ",
            "AppSource; INS; contoso.contoso-edu-suite; ",
            "acquired",
        ],
    ),
    (
        fixture!("https_pii_withheld_edu"),
        [
            "; ; ; ; US; ; ",
            "AppSource; INS; contoso.contoso-edu-suite; ",
            "acquired",
        ],
    ),
    (
        fixture!("https_extra_unknown_fields"),
        [
            "Nia; Brown; nia.brown@lamna.example; +12065550123; US; Lamna Healthcare; VP Sales",
            "AzureMarketplace; INS; contoso.contoso-backup-saas; ",
            "acquired key 6",
        ],
    ),
    (
        fixture!("https_unicode"),
        [
            "Gülşah; Öztürk-İnanç; gulsah.ozturk@ornek.example; +902125550199; TR; Şişli Yazılım A.Ş. &amp; Ortakları; Müdür / 部長",
            "AppSource; PLT; contoso.contoso-crm-addon; Merhaba 👋 \u{202b}مرحبا\u{202c}\nSatır 2\tsekme \"tırnak\" é",
            "contact_me key",
        ],
    ),
    (
        fixture!("https_unknown_action"),
        [
            "Ivan; Petrov; ivan.petrov@relecloud.example; +359255501; BG; Relecloud; CTO",
            "AzureMarketplace; XYZ; contoso.contoso-backup-saas; action code not in any published list",
            "unknown key",
        ],
    ),
];

/// An understanding in the words of the table.
fn summary(understanding: &Understanding) -> [String; 3] {
    let Person {
        first_name,
        last_name,
        email,
        phone,
        country,
        company,
        title,
    } = &understanding.person;
    let who = [first_name, last_name, email, phone, country, company, title].map(|said| text(said.as_ref()));
    let touch = &understanding.touch;
    let what = [&touch.storefront, &touch.action, &touch.offer, &touch.description].map(String::as_str);
    let mut follows = vec![touch.intent.as_str().to_owned()];
    follows.extend(understanding.identity_keys.first().map(|_| "key".to_owned()));
    follows.extend(touch.dnc.then(|| "dnc".to_owned()));
    follows.extend(understanding.test_lead.then(|| "test".to_owned()));
    let unknown = understanding.unknown_members;
    follows.extend((unknown > 0).then(|| unknown.to_string()));
    [who.join("; "), what.join("; "), follows.join(" ")]
}

#[test]
fn every_documented_body_is_understood_as_meant() {
    for ((name, body), expected) in POSTED {
        let understood = posted(body).unwrap();
        assert_eq!(summary(&understood), expected, "{name}");
        assert_eq!(understood.touch.at, now(), "{name}");
    }
}

#[test]
fn a_documented_sequence_is_one_person_with_two_keys_of_touch() {
    let sequence: Value = serde_json::from_str(fixture!("https_duplicate_sequence").1).unwrap();
    let read: Vec<_> = sequence
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| read(&entry["body"]))
        .collect();
    assert!(
        read.iter()
            .all(|one| one.identity_keys.len() == 1 && one.identity_keys == read[0].identity_keys)
    );
    let keys: Vec<_> = read
        .iter()
        .map(|one| crate::dedupe::touch_key(&one.touch))
        .collect();
    assert!(keys[0] == keys[1] && keys[1] != keys[2]);
}
