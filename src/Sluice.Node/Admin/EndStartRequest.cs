using System.Text.Json;

namespace Sluice.Node.Admin;

/// <summary>Body of <c>POST /v1/trace/end</c>: waits for the end of a start that goes on.</summary>
/// <param name="Image">As containerd names it, or the beginning of its digest.</param>
/// <param name="Now">It ends at once; false: when nothing new is read any more, or it takes too long.</param>
public sealed record EndStartRequest(string Image, bool Now)
{
    internal static EndStartRequest Parse(JsonElement body)
    {
        string? image = null;
        bool now = false;
        foreach (JsonProperty property in AdminJson.Properties(body))
        {
            switch (property.Name)
            {
                case "image":
                    image = AdminJson.Text(property);
                    break;
                case "now" when property.Value.ValueKind is JsonValueKind.True or JsonValueKind.False:
                    now = property.Value.GetBoolean();
                    break;
                case "now":
                    throw AdminJson.Wrong("'now' must be true or false");
                default:
                    throw AdminJson.Wrong($"'{property.Name}' is not a field; there are: image, now");
            }
        }

        return new EndStartRequest(image ?? throw AdminJson.Wrong("'image' is missing"), now);
    }

    internal void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        writer.WriteString("image", Image);
        writer.WriteBoolean("now", Now);
        writer.WriteEndObject();
    }
}
