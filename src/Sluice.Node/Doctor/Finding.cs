namespace Sluice.Node.Doctor;

/// <summary>Something that is wrong with a node.</summary>
/// <param name="Id">Stable; docs/troubleshooting.md lists them.</param>
/// <param name="Subject">The file, host, device or process that is wrong.</param>
/// <param name="What">What was found, and what comes of it.</param>
/// <param name="Mend">A line for a root shell that mends it, or one that begins with <c>#</c> where only people can.</param>
public sealed record Finding(string Id, Severity Severity, string Subject, string What, string Mend);
