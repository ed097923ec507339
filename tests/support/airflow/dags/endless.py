"""A DAG whose runs do not end by themselves while a test lasts."""

import time

from airflow.sdk import dag, task


@dag(dag_id="endless", schedule=None)
def endless():
    @task
    def wait():
        time.sleep(600)

    wait()


endless()
