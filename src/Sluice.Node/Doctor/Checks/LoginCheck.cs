using Sluice.Formats;
using Sluice.Node.Doctor.Facts;

namespace Sluice.Node.Doctor.Checks;

/// <summary>A registry gives this node the manifest of an image that it has.</summary>
internal sealed class LoginCheck : ICheck
{
    public IEnumerable<Finding> Judge(NodeFacts node)
    {
        foreach (RegistryFacts registry in node.Registries.Where(registry => registry.ImageError is not null))
        {
            SluiceException error = registry.ImageError!;
            if (error.Error == SluiceError.Unauthorized)
            {
                string file = node.Options.Sources.AuthFile is { } path ? $" --authfile {path}" : "";
                yield return new Finding("login-refused", Severity.Error, registry.Registry, $"refuses {registry.Image}: {Mend.TextOf(error)}", $"skopeo login{file} {registry.Registry}");
            }
            else if (error.Error is SluiceError.Source or SluiceError.Timeout)
            {
                yield return new Finding("registry-fails", Severity.Error, registry.Registry, $"is there, but {Mend.TextOf(error)}", $"curl -sSi https://{registry.Registry}/v2/  # its own log says why");
            }
        }
    }
}
