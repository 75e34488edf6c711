import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;

final class Driver {
    public static void main(String[] arguments) throws Exception {
        for (String call : Files.readAllLines(Path.of("calls.tsv"))) {
            String[] fields = call.split("\t");
            boolean accepted = DoDevWebhook.verify(
                    text(fields[0]), bytes(fields[1]), text(fields[2]), Long.parseLong(fields[3].substring(1)));
            System.out.println(accepted ? "accepted" : "refused");
        }
    }

    private static String text(String field) {
        return field.equals("-") ? null : new String(bytes(field), StandardCharsets.UTF_8);
    }

    private static byte[] bytes(String field) {
        return Base64.getDecoder().decode(field.substring(1));
    }
}
