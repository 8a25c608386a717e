"""First and last names in the sample: common ones of several languages, some with accents."""

from __future__ import annotations

FIRST_NAMES = (
    "Alice", "Amir", "Ana", "André", "Ben", "Carla", "Chloé", "Daniel", "Diego", "Elena", "Emma", "Fatima", "Félix",
    "Grace", "Hana", "Hugo", "Ines", "Isaac", "Jack", "José", "Julia", "Karim", "Laura", "Léa", "Liam", "Lucía",
    "Maria", "Mateo", "Mia", "Noah", "Nora", "Olga", "Oscar", "Paul", "Priya", "Renée", "Rosa", "Sam", "Sofia", "Tariq",
    "Tom", "Uma", "Victor", "Wei", "Yara", "Zoë",
)  # fmt: skip

LAST_NAMES = (
    "Adams", "Ali", "Baker", "Becker", "Brown", "Carter", "Chen", "Clark", "Cruz", "Díaz", "Dubois", "Edwards", "Evans",
    "Fischer", "Flores", "García", "Gray", "Green", "Hall", "Hill", "Ito", "Jones", "Kaya", "Khan", "Kim", "King",
    "Klein", "Lee", "Lopez", "Martin", "Meyer", "Miller", "Moore", "Müller", "Nguyen", "Novak", "Núñez", "Okafor",
    "Park", "Patel", "Peña", "Perez", "Reed", "Rossi", "Sato", "Scott", "Silva", "Singh", "Smith", "Stone", "Taylor",
    "Torres", "Turner", "Walker", "Weber", "White", "Wilson", "Wood", "Wright", "Young",
)  # fmt: skip
