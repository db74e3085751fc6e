//! What the lead table is made of where nobody changed it (contract dynamics365 12.1).

/// The longest text of each column, in UTF-16 units. Dataverse refuses longer ones, it does not cut.
pub(crate) const LENGTHS: [(&str, usize); 29] = [
    ("subject", 300),
    ("firstname", 50),
    ("lastname", 50),
    ("middlename", 50),
    ("salutation", 100),
    ("companyname", 100),
    ("jobtitle", 100),
    ("emailaddress1", 100),
    ("emailaddress2", 100),
    ("emailaddress3", 100),
    ("telephone1", 50),
    ("telephone2", 50),
    ("telephone3", 50),
    ("mobilephone", 20),
    ("pager", 20),
    ("fax", 50),
    ("websiteurl", 200),
    ("address1_line1", 250),
    ("address1_line2", 250),
    ("address1_line3", 250),
    ("address1_city", 80),
    ("address1_stateorprovince", 50),
    ("address1_postalcode", 20),
    ("address1_country", 80),
    ("address2_stateorprovince", 50),
    ("address2_city", 80),
    ("address2_country", 80),
    ("description", 2000),
    ("qualificationcomments", 2000),
];

/// The choices of the product, by label.
pub(crate) const CHOICES: [(&str, &[(&str, i64)]); 5] = [
    (
        "leadsourcecode",
        &[
            ("Advertisement", 1),
            ("Employee Referral", 2),
            ("External Referral", 3),
            ("Partner", 4),
            ("Public Relations", 5),
            ("Seminar", 6),
            ("Trade Show", 7),
            ("Web", 8),
            ("Word of Mouth", 9),
            ("Other", 10),
        ],
    ),
    ("leadqualitycode", &[("Hot", 1), ("Warm", 2), ("Cold", 3)]),
    (
        "preferredcontactmethodcode",
        &[("Any", 1), ("Email", 2), ("Phone", 3), ("Fax", 4), ("Mail", 5)],
    ),
    (
        "purchasetimeframe",
        &[
            ("Immediate", 0),
            ("This Quarter", 1),
            ("Next Quarter", 2),
            ("This Year", 3),
            ("Unknown", 4),
        ],
    ),
    ("industrycode", &[]),
];
