namespace Sluice.Storage.Sources.Credentials;

/// <summary>Logins of one repository, the latest first.</summary>
/// <param name="Host">As in image names.</param>
/// <param name="Used">When they were taken last.</param>
public sealed record RememberedLogin(string Host, string Repository, IReadOnlyList<RegistryCredential> Logins, DateTimeOffset Used);
