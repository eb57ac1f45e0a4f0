"""Values as books and papers print them, in the columns of the tables; the value keeps its digits.

Haug is Haug (2007), The Complete Guide to Option Pricing Formulas, second edition, by section.
"""

PRINTED: dict[str, list[tuple[str, list[tuple]]]] = {
    "europeans": [
        (
            "Haug, section 1.1",
            [
                ("BlackScholesFormula", "Call", 60.0, 65.0, 0.25, 0.30, 0.08, 0.0, "2.1334"),
                ("BlackScholesFormula", "Put", 100.0, 95.0, 0.5, 0.20, 0.10, 0.05, "2.4648"),
                ("BlackScholesFormula", "Put", 75.0, 70.0, 0.5, 0.35, 0.10, 0.05, "4.0870"),
                ("BlackScholesFormula", "Call", 1.56, 1.60, 0.5, 0.12, 0.06, 0.08, "0.0291"),
                ("Black76", "Put", 19.0, 19.0, 0.75, 0.28, 0.10, 0.10, "1.7011"),
                ("Black76", "Call", 19.0, 19.0, 0.75, 0.28, 0.10, 0.10, "1.7011"),
            ],
        ),
        (
            "Haug, table of options on futures",
            [
                ("Black76", kind, futures, 100.0, tau, vol, 0.10, 0.10, value)
                for kind, futures, values in (
                    ("Call", 90.0, "0.0205 0.3150 0.9474 0.8069 2.7026 4.9329"),
                    ("Call", 100.0, "1.8734 3.1217 4.3693 4.0232 6.6997 9.3679"),
                    ("Call", 110.0, "9.9413 10.3556 11.1381 10.5769 12.7857 15.3086"),
                    ("Put", 90.0, "9.9210 10.2155 10.8479 10.3192 12.2149 14.4452"),
                    ("Put", 100.0, "1.8734 3.1217 4.3693 4.0232 6.6997 9.3679"),
                    ("Put", 110.0, "0.0408 0.4551 1.2376 1.0646 3.2734 5.7963"),
                )
                for (tau, vol), value in zip(
                    [(t, v) for t in (0.1, 0.5) for v in (0.15, 0.25, 0.35)],
                    values.split(),
                    strict=True,
                )
            ],
        ),
    ],
    "touches": [
        (
            "Haug, section 4.19.5, with 15 in cash",
            [
                (False, True, True, 105.0, 100.0, 0.5, 0.2, 0.1, 0.0, "9.7264"),
                (True, True, True, 95.0, 100.0, 0.5, 0.2, 0.1, 0.0, "11.6553"),
                (False, True, False, 105.0, 100.0, 0.5, 0.2, 0.1, 0.0, "9.3604"),
                (True, True, False, 95.0, 100.0, 0.5, 0.2, 0.1, 0.0, "11.2223"),
                (False, False, False, 105.0, 100.0, 0.5, 0.2, 0.1, 0.0, "4.9081"),
                (True, False, False, 95.0, 100.0, 0.5, 0.2, 0.1, 0.0, "3.0461"),
            ],
        )
    ],
    "double_barriers": [
        (
            "Haug, section 4.17.3",
            [
                (True, False, 100.0, 100.0, lower, upper, tau, vol, 0.10, 0.0, value)
                for lower, upper, values in (
                    (50.0, 150.0, "4.3515 6.1644 7.0373 6.9853 7.9336 6.5088"),
                    (60.0, 140.0, "4.3505 5.8500 5.7726 6.8082 6.3383 4.3841"),
                    (70.0, 130.0, "4.3139 4.8293 3.7765 5.9697 4.0004 2.2563"),
                    (80.0, 120.0, "3.7516 2.6387 1.4903 3.5805 1.5098 0.5635"),
                    (90.0, 110.0, "1.2055 0.3098 0.0477 0.5537 0.0441 0.0011"),
                )
                for (tau, vol), value in zip(
                    [(t, v) for t in (0.25, 0.5) for v in (0.15, 0.25, 0.35)],
                    values.split(),
                    strict=True,
                )
            ],
        )
    ],
    "lookbacks": [
        (
            "Haug, section 4.15.1",
            [("FloatingLookbackCall", 120.0, 1.0, 100.0, 0.5, 0.3, 0.10, 0.06, "25.3533")],
        ),
        (
            "Haug, section 4.15.2",
            [
                (kind, 100.0, strike, 100.0, tau, vol, 0.10, 0.0, value)
                for kind, strike, values in (
                    (
                        "LookbackCall",
                        95.0,
                        "13.2687 18.9263 24.9857 18.3241 26.0731 34.7116",
                    ),
                    ("LookbackCall", 100.0, "8.5126 14.1702 20.2296 13.8000 21.5489 30.1874"),
                    ("LookbackCall", 105.0, "4.3908 9.8905 15.8512 9.5445 17.2965 25.9002"),
                    ("LookbackPut", 95.0, "0.6899 4.4448 8.9213 1.0534 6.2813 12.2376"),
                    ("LookbackPut", 100.0, "3.3917 8.3177 13.1579 3.8079 10.1294 16.3889"),
                    ("LookbackPut", 105.0, "8.1478 13.0739 17.9140 8.3321 14.6536 20.9130"),
                )
                for (tau, vol), value in zip(
                    [(t, v) for t in (0.5, 1.0) for v in (0.1, 0.2, 0.3)],
                    values.split(),
                    strict=True,
                )
            ],
        ),
    ],
    "geometric_asians": [
        ("Haug, section 4.20.1", [(False, 0.0, 80.0, 85.0, 0.25, 0.2, 0.05, -0.03, "4.6922")])
    ],
    "two_assets": [
        (
            "Haug, section 5.7",
            [
                ("WorstOfCall", 100.0, 105.0, 98.0, 0.5, 0.11, 0.16, 0.05, 0.06, 0.09, 0.63,
                 "2.9340"),
                ("BestOfCall", 100.0, 105.0, 98.0, 0.5, 0.11, 0.16, 0.05, 0.06, 0.09, 0.63,
                 "8.0701"),
            ],
        ),
        (
            "Haug, section 5.4",
            [
                ("ExchangeOption", 22.0, 20.0, 1.0, tau, 0.2, vol, 0.1, 0.06, 0.04, rho, value)
                for tau, rho, values in (
                    (0.1, -0.5, "2.125 2.199 2.283"),
                    (0.1, 0.0, "2.045 2.091 2.152"),
                    (0.1, 0.5, "1.974 1.989 2.019"),
                )
                for vol, value in zip((0.15, 0.20, 0.25), values.split(), strict=True)
            ],
        ),
    ],
    "choosers_and_compounds": [
        ("Haug, section 4.12.1", [("Chooser", 50.0, 50.0, 1.0, 0.25, 0.5, 0.25, 0.08, 0.0,
                                   "6.1071")]),
        ("Haug, section 4.13", [("CompoundOption", 500.0, 520.0, 50.0, 0.25, 0.5, 0.35, 0.08,
                                 0.03, "17.5945")]),
    ],
    "powers_and_others": [
        ("Haug, section 4.7", [("ForwardStartCall", 60.0, 1.1, 0.25, 1.0, 0.30, 0.08, 0.04,
                                "4.4064")])
    ],
}  # fmt: skip
