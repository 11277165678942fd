namespace Sluice.Storage.Sources.Registries;

/// <summary>One host that is to be asked.</summary>
/// <param name="IsLast">Nobody else can be asked instead.</param>
internal sealed record HostChoice(RegistryHost Host, bool IsLast);
