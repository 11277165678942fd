namespace Sluice.Storage.Sources.Registries;

/// <summary>What one host of a registry said when it was asked for nothing in particular.</summary>
/// <param name="Name">Host and port.</param>
/// <param name="IsMirror">The registry itself can be asked, too.</param>
/// <param name="Proxy">Host and port of the HTTP proxy that is used for it; null: none.</param>
/// <param name="Message">About the trouble, for people.</param>
/// <param name="Date">Its clock.</param>
/// <param name="CertificateEnds">Of the certificate that it showed.</param>
/// <param name="IsPlain">It is asked over http.</param>
public sealed record HostAnswer(
    string Name, bool IsMirror, string? Proxy, HostTrouble Trouble = HostTrouble.None, string Message = "", DateTimeOffset? Date = null, DateTimeOffset? CertificateEnds = null, bool IsPlain = false);
