"""The record of a run on a real account, put once where nobody can change it."""

from __future__ import annotations

from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.text import Text

from prod_infra.deployment.clients import AwsClients
from prod_infra.errors import RunbookError
from prod_infra.settings import Settings
from runbooks.records.keeping import archive
from runbooks.verify.deployed import Deployed, NotFoundError


def keep_evidence(folder: Path, clients: AwsClients, settings: Settings, console: Console) -> bool:
    """Put a sealed record into the environment's evidence bucket and say so; where that can't be done, say why.

    Args:
        folder: `records/<run id>/`; it stays as it is.
        clients: of the account.
        settings: of the environment.
        console: where to say it.

    Returns:
        Whether it is in the bucket now.
    """
    try:
        bucket = Deployed(clients, settings).bucket("evidence")
        keys = archive(folder, clients("s3"), bucket)
    except (NotFoundError, RunbookError, BotoCoreError, ClientError) as error:
        said = f"The record is not in the evidence bucket: {error}\nNothing is lost: it is whole in {folder}. "
        again = f"`prod-infra records archive {folder.name}` tries again"
        console.print(Text(said + again, "yellow"), soft_wrap=True)
        return False
    console.print(Text(f"evidence: s3://{bucket}/{keys[-1].rpartition('/')[0]}/, {len(keys)} files", "dim"))
    return True
