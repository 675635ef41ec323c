"""Completion of commands and options by the shell."""

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")
#: The variable by which a shell asks the command for what may follow.
VARIABLE = "_DAYBOOK_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, /, shell: str) -> None:
    """Print what makes a shell complete `daybook`.

    bash: eval "$(daybook completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc;
    fish: daybook completion fish > ~/.config/fish/completions/daybook.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    click.echo(kind(context.find_root().command, {}, "daybook", VARIABLE).source())
