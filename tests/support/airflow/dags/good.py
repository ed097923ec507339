"""A DAG whose runs end well."""

from airflow.sdk import Param, dag, task


@dag(dag_id="good", schedule=None, params={"batch": Param(1, type="integer", minimum=1)})
def good():
    @task
    def double(**context):
        return context["params"]["batch"] * 2

    double()


good()
