namespace Sluice.Cli.Output;

/// <summary>Whoever read standard output has seen enough: the command ends, without a word.</summary>
internal sealed class ClosedPipeException() : OperationCanceledException("standard output was closed");
