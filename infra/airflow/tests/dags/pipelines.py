"""DAGs that run the pipelines `airflow-good` and `airflow-shut`, and one that waits for the first."""

from airflow.sdk import dag
from moodbridge_airflow.operator import RunPipelineOperator
from moodbridge_airflow.sensor import PipelineRunSensor


@dag(dag_id="good", schedule=None)
def good():
    run = RunPipelineOperator(task_id="clean", pipeline="airflow-good", poll_s=1)
    wait = PipelineRunSensor(task_id="wait", run="{{ ti.xcom_pull(task_ids='clean')['run'] }}", poke_interval=1)
    run >> wait


@dag(dag_id="shut", schedule=None)
def shut():
    RunPipelineOperator(task_id="clean", pipeline="airflow-shut", poll_s=1)


good()
shut()
