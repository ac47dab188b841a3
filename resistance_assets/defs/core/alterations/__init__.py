"""`core.alterations__*`: alterations of each cohort and what they go with, one step per cohort."""
