"""A DAG whose runs end well."""

from airflow.sdk import dag, task


@dag(dag_id="good", schedule=None)
def good():
    @task
    def double(**context):
        return context["dag_run"].conf["batch"] * 2

    double()


good()
