#!/bin/sh
# Makes `seed.jsonl.gz` anew from `recipe.yml`, the same rows every time; takes a minute.
# Needs what requirements.txt names; PYTHON is an interpreter that has it.
set -eu
cd "$(dirname "$0")"
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
python=${PYTHON:-python3}
# Snowfakery has no option for a random seed, so its sources of randomness are seeded before it starts.
PYTHONHASHSEED=0 "$python" -c "
import random
from faker import Faker
random.seed(1)
Faker.seed(1)
from snowfakery.cli import main
main()" recipe.yml --output-format json --output-file "$rows"
"$python" pack.py "$rows" seed.jsonl.gz
ls -l seed.jsonl.gz
