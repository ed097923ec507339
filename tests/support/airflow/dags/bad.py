"""A DAG of which one task fails, and another is not tried because of it."""

from airflow.sdk import dag, task


@dag(dag_id="bad", schedule=None)
def bad():
    @task
    def load():
        try:
            int("ä")
        except ValueError as error:
            raise RuntimeError("file `cases.csv`, line 3, is not fit to load") from error

    @task
    def report():
        pass

    load() >> report()


bad()
